"""The local web application and its HTTP interface."""
