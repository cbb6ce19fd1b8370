# Looks for the application nodes that this proxy really sends requests to, by the header in which nginx
# says who answered. A node that could not be connected to is named there too: it is out of order, not
# left out. Arguments: PROXY URL RESOLVE NODE=ADDRESS...; RESOLVE is for curl, and may be empty.
proxy=$1
url=$2
resolve=$3
shift 3
# nginx takes the nodes in turn, but others may have requests in between.
requests=$((10 * $#))
# shellcheck disable=SC2086 # nothing, or an option and its value
seen=" $(curl -sk -m 10 ${resolve:+--resolve "$resolve"} -o /dev/null -w '%header{x-served-by}\n' \
    "$url/api/v4/system/ping?verify=[1-$requests]" 2>/dev/null | tr ', ' '\n\n' | sort -u | tr '\n' ' ')"
if [ -z "${seen# }" ]; then
    echo "$proxy does not say which node answers" >&2
    exit 1
fi
missing=
for node; do
    address=${node#*=}:8065
    case $seen in
    *" $address "*) seen="${seen%% "$address" *} ${seen#* "$address" }" ;;
    *) missing="$missing, ${node%%=*}" ;;
    esac
done
# shellcheck disable=SC2086 # one space between words
strangers=$(echo $seen)
case $missing in
"") ;;
,*,*) echo "${missing#, } get no requests from $proxy" >&2 && exit 1 ;;
*) echo "${missing#, } gets no requests from $proxy" >&2 && exit 1 ;;
esac
if [ -n "$strangers" ]; then
    echo "$proxy sends requests to what is no application node: $strangers" >&2
    exit 1
fi
echo "$# of $#"
