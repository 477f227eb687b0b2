# The console of one program. console.py starts it, in a session of its own, as
#
#     sh console.sh FOLDER PROGRAM [ARGUMENT...]
#
# Standard input brings a line when the program may start; end of file means that the notebook is
# gone. Standard output takes two reports: "PID n" when the program is about to start, "EXIT n" when
# it has ended.

folder=$1
shift
exec 3<&0 4>&1 </dev/null >/dev/null 2>"$folder/console"
# A program may signal its whole group (kill 0). This shell lives on to tell of its end; the program
# gets the default actions, since a handler, unlike "", is not inherited.
trap : HUP INT QUIT USR1 USR2 ALRM TERM

# In the foreground, since a background command would ignore SIGINT; a shell of its own, since $$
# in a subshell is the PID of its parent.
sh -c '
    folder=$1
    shift
    echo "PID $$" >&4
    read -r _ <&3 || exit
    exec "$@" >"$folder/output" 2>"$folder/errors" 3<&- 4>&-
' sh "$folder" "$@"
status=$?

trap "" PIPE
echo "EXIT $status" >&4
kill -9 0  # what the program has left running, and this shell
