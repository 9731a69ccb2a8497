"""The front end that the report and the web application share: scripts, styles and colours."""
