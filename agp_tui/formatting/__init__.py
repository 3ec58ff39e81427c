"""Events, states and tables as text, for the commands and the app. Imports no textual."""
