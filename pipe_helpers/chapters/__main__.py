from pipe_helpers.chapters.command import main

main()
