# The console of one program. console.py starts it, in a session of its own, as
#
#     sh console.sh FOLDER PROGRAM [ARGUMENT...]
#
# Standard input is the lifeline: end of file means that the notebook is gone.
# Standard output takes two reports: "PID n" when the program starts, "EXIT n" when it has ended.

folder=$1
shift
# A program may signal its whole group (kill 0). This shell lives on to tell of its end; the program
# itself gets the default actions, since a handler, unlike "", is not inherited [sh(1), trap].
signals="HUP INT QUIT USR1 USR2 ALRM TERM"
trap : $signals
exec 3<&0 4>&1 </dev/null >/dev/null 2>"$folder/console"

# Without <&3 a background command would read /dev/null. The folder goes first: as soon as the
# program is dead, the last line of this script ends this command as well. No PID yet: kill all.
{
    trap "" $signals
    read -r _ <&3
    read -r pid <"$folder/pid"
    rm -rf "$folder"
    kill -9 "${pid:-0}"
} 4>&- &
exec 3<&-

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
echo "EXIT $status" >&4
# The console closes: what the program left running ends too, and so does this shell.
kill -9 0
