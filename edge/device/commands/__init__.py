"""The runner's commands, a module each: HELP, add_arguments(parser), main(arguments) -> exit code."""
