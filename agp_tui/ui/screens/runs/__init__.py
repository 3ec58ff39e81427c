"""The runs screen: long jobs, settings and the doctor."""
