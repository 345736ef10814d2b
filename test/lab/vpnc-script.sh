#!/bin/sh
# Called by openconnect inside the client's namespace: tells the lab what it was told (LAB_FOLDER/REASON.env, NUL
# separated), then gives the tunnel device its addresses and routes.
set -eu

env -0 > "$LAB_FOLDER/$reason.tmp"

routes() { # FAMILY COUNT PREFIX-OF-VARIABLES
  index=0
  while [ "$index" -lt "$2" ]; do
    eval "address=\${$3_${index}_ADDR} length=\${$3_${index}_MASKLEN}"
    # shellcheck disable=SC2154 # set by eval
    ip "$1" route replace "$address/$length" dev "$TUNDEV"
    index=$((index + 1))
  done
}

case "$reason" in
  connect)
    ip link set dev "$TUNDEV" up mtu "$INTERNAL_IP4_MTU"
    if [ -n "${INTERNAL_IP4_ADDRESS:-}" ]; then
      ip -4 address replace "$INTERNAL_IP4_ADDRESS/32" dev "$TUNDEV"
      if [ -n "${CISCO_SPLIT_INC:-}" ]; then routes -4 "$CISCO_SPLIT_INC" CISCO_SPLIT_INC
      else ip -4 route replace default dev "$TUNDEV"; fi
    fi
    if [ -n "${INTERNAL_IP6_ADDRESS:-}${INTERNAL_IP6_NETMASK:-}" ]; then
      ip -6 address replace "${INTERNAL_IP6_ADDRESS:-${INTERNAL_IP6_NETMASK%/*}}/128" dev "$TUNDEV" nodad
      if [ -n "${CISCO_IPV6_SPLIT_INC:-}" ]; then routes -6 "$CISCO_IPV6_SPLIT_INC" CISCO_IPV6_SPLIT_INC
      else ip -6 route replace default dev "$TUNDEV"; fi
    fi
    ;;
esac
mv "$LAB_FOLDER/$reason.tmp" "$LAB_FOLDER/$reason.env"
