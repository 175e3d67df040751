# SPDX-License-Identifier: GPL-2.0-or-later
# vm: bridge veth nf_tables nft_chain_nat nft_masq nft_redir sctp
# portmap: published sctp ports with real associations, on a kernel with SCTP sockets.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../nat-lib.sh"

town a b
serve a sctp:3868
serve third sctp:3868
publish "publish" a "$(ports "$(map 3868 3868 sctp)")"
reaches "from outside, the client's address is kept" "a 192.0.2.9" outside sctp 192.0.2.1 3868
reaches "from outside, v6" "a 2001:db8:1::9" outside sctp 2001:db8:1::1 3868
reaches "from the host to its outside address" "a 192.0.2.1" host sctp 192.0.2.1 3868
reaches "from the host to 127.0.0.1" "a 10.88.0.1" host sctp 127.0.0.1 3868
reaches "hairpin" "a 10.88.0.1" a sctp 192.0.2.1 3868
reaches "from the neighbour" "a 10.88.0.1" b sctp 192.0.2.1 3868
reaches "transit to the same port is untouched" "third 192.0.2.9" outside sctp 198.51.100.9 3868
unpublish "DEL" a
silent "nothing answers after DEL" outside sctp 192.0.2.1 3868
nothing_in_nft "nothing is left"
done_testing
