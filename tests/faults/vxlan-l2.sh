# SPDX-License-Identifier: GPL-2.0-or-later
# vxlan in mode "l2": the same as in mode "l3", and a lost bridge.
mode=l2
. "$(dirname "$0")/vxlan.sh"
