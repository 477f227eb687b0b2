# The console of one program. console.py starts it, in a session of its own, as
#
#     sh console.sh FOLDER PROGRAM [ARGUMENT...]
#
# Standard input is the lifeline: end of file means that the notebook is gone.
# Standard output takes two reports: "PID n" when the program starts, "EXIT n" when it has ended.

folder=$1
shift
signals="HUP INT QUIT USR1 USR2 ALRM TERM"
exec 3<&0 4>&1 </dev/null >/dev/null 2>"$folder/console"

# The keeper. Without <&3 a background command would read /dev/null. No folder: the notebook has
# seen the end, and this shell does the rest, since the keeper, if it ended after its parent, would
# stay as a zombie where PID 1 does not reap. No PID: the program has ended, or not yet begun. The
# last line ends what it has left running, and this shell.
trap "" $signals
{
    read -r _ <&3
    [ -d "$folder" ] || exit
    read -r pid <"$folder/pid"
    # While the program starts, a file may appear that rm has not seen: at most three.
    for _ in 1 2 3 4; do rm -rf "$folder" && break; done
    [ -z "$pid" ] || kill -9 "$pid"
    kill -9 0
} 4>&- &
exec 3<&-
# A program may signal its whole group (kill 0). This shell lives on to tell of its end, as does the
# keeper; the program gets the default actions, since a handler, unlike "", is not inherited.
trap : $signals

# In the foreground, since a background command would ignore SIGINT; a shell of its own, since $$
# in a subshell is the PID of its parent.
sh -c '
    folder=$1
    shift
    echo $$ >"$folder/pid"
    echo "PID $$" >&4
    exec "$@" >"$folder/output" 2>"$folder/errors" 4>&-
' sh "$folder" "$@"
status=$?

trap "" PIPE
echo >"$folder/pid"
echo "EXIT $status" >&4
# The notebook reads what the program wrote, and cuts the lifeline; or it is gone, and the keeper
# removes the folder. All that is left here then ends.
wait
kill -9 0
