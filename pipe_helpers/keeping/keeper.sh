# The keeper: ends and removes, when the notebook has ended, what has been named to it. keeper.py
# starts one for each notebook, in a session of its own.
#
# Standard input is the lifeline. A line "+NAME" names a thing, "-NAME" forgets it. A name is the
# PID of a process that leads a session, the absolute path of a folder, with \\ and \n in it as
# printf knows them, or "fifo NUMBER PATH" of a named pipe or a Unix socket, with its inode. End of
# file: the notebook is gone. A torn last line does not count.

trap "" HUP INT QUIT USR1 USR2 ALRM TERM
while IFS= read -r line; do
    name=${line#?}
    case $line in
    +*) set -- "$@" "$name" ;;
    -*)
        for kept; do
            shift
            [ "$kept" = "$name" ] || set -- "$@" "$kept"
        done
        ;;
    esac
done
for kept; do
    # The group first: it is there as long as its leader has not been waited for.
    case $kept in [0-9]*) kill -9 "-$kept"; kill -9 "$kept" ;; esac
done
for kept; do
    case $kept in
    /*)
        path=$(printf '%b.' "$kept")
        # While they die, a file may appear that rm has not seen: at most three.
        for _ in 1 2 3 4; do rm -rf -- "${path%.}" && break; done
        ;;
    fifo*)
        path=$(printf '%b.' "${kept#fifo * }") number=${kept#fifo }
        { [ -p "${path%.}" ] || [ -S "${path%.}" ]; } &&
            ls -di -- "${path%.}" | grep -q "^ *${number%% *} " && rm -f -- "${path%.}"
        ;;
    esac
done
