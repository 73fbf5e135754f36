"""What each command of the command line does. A function a command: settings in, exit status out."""
