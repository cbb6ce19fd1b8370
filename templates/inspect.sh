# Says how this host is against what loadrig did on it, and against its planned steps. Changes nothing.
# Standard input: `step STAGE NAME DIGEST` for each planned step, and `service UNIT RESTART RELOAD`
# for each planned service. A line for each thing that was found:
#
#   unfinished STAGE      the last bundle was not applied to its end, or none ever was
#   unsettled STAGE       besides, not all is as the bundle before left it
#   same PATH / changed PATH / missing PATH
#   mode SEEN WRITTEN PATH
#   unit NAME STATE yes   and whether it starts at boot: yes or no
#   reason UNIT TEXT      why it does not start, as systemd says
#   behind UNIT           it runs with another configuration than its files hold
#   differs STAGE NAME    a planned step that is not applied as planned
#   restarts UNIT / reloads UNIT
#   done
export LC_ALL=C
root=${LOADRIG_ROOT:-}
state=$root/var/lib/loadrig

for stage in prepare configure; do
    if [ ! -e "$state/$stage.digest" ]; then
        # What was written before it stopped has no checksums yet.
        echo "unfinished $stage"
        stage_holds "$stage" || echo "unsettled $stage"
        continue
    fi
    found=$( (cd "$root/" && sha256sum -c "$state/$stage.sums" 2>/dev/null) | sed -n \
        -e 's|^\(.*\): OK$|same /\1|p' \
        -e 's|^\(.*\): FAILED open or read$|missing /\1|p' \
        -e 's|^\(.*\): FAILED$|changed /\1|p')
    [ -z "$found" ] || printf '%s\n' "$found"
    case $found in
    *"missing /"* | *"changed /"*)
        # As the runner's `forget_services` has it.
        [ ! -e "$state/$stage.units" ] || sed 's/^/restarts /' "$state/$stage.units"
        ;;
    esac
    [ ! -e "$state/$stage.modes" ] || while read -r mode path; do
        seen=$(stat -c %a "$root/$path" 2>/dev/null) || continue
        [ "$seen" = "$mode" ] || echo "mode $seen $mode /$path"
    done <"$state/$stage.modes"
    [ ! -e "$state/$stage.units" ] || while read -r unit; do
        active=$(systemctl is-active "$unit" 2>/dev/null </dev/null)
        if systemctl is-enabled --quiet "$unit" 2>/dev/null </dev/null; then boot=yes; else boot=no; fi
        echo "unit $unit ${active:-unknown} $boot"
        case $active in
        activating | failed)
            said=$(systemd_said "$unit" -10min)
            # That it failed is known; how its process ended is not.
            why=$(printf '%s\n' "$said" | grep -E 'exited|killed|[Tt]imed out' | tail -n 1)
            why=${why:-$(printf '%s\n' "$said" | tail -n 1)}
            [ -z "$why" ] || echo "reason $unit ${why#"$unit".service: }"
            ;;
        esac
    done <"$state/$stage.units"
done

# A worker that was just told to end may not have heard of it yet.
attempts=10
while nginx_behind; do
    attempts=$((attempts - 1))
    [ "$attempts" -gt 0 ] || {
        echo "behind nginx"
        break
    }
    sleep 0.3
done

while read -r word one two three; do
    case $word in
    step)
        [ "$(cat "$state/applied/$one/$two" 2>/dev/null)" = "$three" ] || echo "differs $one $two"
        ;;
    service)
        remembered=$(cat "$state/services/$one" 2>/dev/null)
        if [ "${remembered%% *}" != "$two" ]; then
            echo "restarts $one"
        elif [ "${remembered##* }" != "$three" ]; then
            echo "reloads $one"
        fi
        ;;
    esac
done
echo "done"
