#!/bin/sh
# Called by openconnect inside the client's namespace: tells the lab what it was told (LAB_FOLDER/REASON.env, NUL
# separated), then gives the tunnel device its addresses and routes.
set -eu

env -0 > "$LAB_FOLDER/$reason.tmp"

routes() { # COUNT PREFIX-OF-VARIABLES DEVICE
  index=0
  while [ "$index" -lt "${1:-0}" ]; do
    eval "address=\${$2_${index}_ADDR} length=\${$2_${index}_MASKLEN}"
    # The client's own link, in the spelling of Cisco's gateways: it is there already.
    # shellcheck disable=SC2154 # set by eval
    case "$address/$length" in 0.0.0.0/32 | ::/128) ;; *) echo "route replace $address/$length dev $3" ;; esac
    index=$((index + 1))
  done
}

case "$reason" in
  connect)
    ip link set dev "$TUNDEV" up mtu "$INTERNAL_IP4_MTU"
    if [ -n "${INTERNAL_IP4_ADDRESS:-}" ]; then
      ip -4 address replace "$INTERNAL_IP4_ADDRESS/32" dev "$TUNDEV"
      if [ -n "${CISCO_SPLIT_INC:-}" ]; then routes "$CISCO_SPLIT_INC" CISCO_SPLIT_INC "$TUNDEV" | ip -4 -batch -
      else ip -4 route replace default dev "$TUNDEV"; fi
    fi
    if [ -n "${INTERNAL_IP6_ADDRESS:-}${INTERNAL_IP6_NETMASK:-}" ]; then
      ip -6 address replace "${INTERNAL_IP6_ADDRESS:-${INTERNAL_IP6_NETMASK%/*}}/128" dev "$TUNDEV" nodad
      if [ -n "${CISCO_IPV6_SPLIT_INC:-}" ]; then routes "$CISCO_IPV6_SPLIT_INC" CISCO_IPV6_SPLIT_INC "$TUNDEV" | ip -6 -batch -
      else ip -6 route replace default dev "$TUNDEV"; fi
    fi
    routes "${CISCO_SPLIT_EXC:-}" CISCO_SPLIT_EXC eth0 | ip -4 -batch -
    routes "${CISCO_IPV6_SPLIT_EXC:-}" CISCO_IPV6_SPLIT_EXC eth0 | ip -6 -batch -
    ;;
esac
mv "$LAB_FOLDER/$reason.tmp" "$LAB_FOLDER/$reason.env"
