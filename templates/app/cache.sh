# Whether the server is connected to the cache, and the cache answers: one that does not run any more
# keeps its connections. Arguments: HOST PORT.
open=$(ss -Htn state established "( dport = :$2 )" | wc -l)
if [ "$open" -eq 0 ]; then
    echo "the server has no connection to port $2" >&2
    exit 1
fi
# shellcheck disable=SC2016 # for the shell that has network files
said=$(timeout 5 bash -c 'exec 3<>"/dev/tcp/$0/$1" && printf "PING\r\n" >&3 && read -r line <&3 && echo "$line"' \
    "$1" "$2" 2>/dev/null)
case $said in
+PONG*) ;;
"") echo "the cache does not answer PING within 5 s" >&2 && exit 1 ;;
*) echo "the cache answers PING with $said" >&2 && exit 1 ;;
esac
[ "$open" -ne 1 ] || { echo "1 connection" && exit; }
echo "$open connections"
