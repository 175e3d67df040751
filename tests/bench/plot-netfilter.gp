# SPDX-License-Identifier: GPL-2.0-or-later
# Run in the directory with the CSV files of the parts chain, scale and connections.
set terminal svg size 1400,420 font "sans,12" background rgb "white"
set output "hawser-netfilter.svg"
set datafile separator ","
set multiplot layout 1,3
set title "bridge + portmap + firewall, relative to the reference"
set style fill solid 0.7
set boxwidth 0.6
set yrange [0:*]
set xrange [-0.6:3.6]
set xtics ("ADD" 0, "DEL" 1, "ADD,\niptables" 2, "DEL,\niptables" 3)
set ylabel "ours / reference (wall time)"
unset key
plot "< grep -E 'chain (ADD|DEL) (ours|iptables)/ref, wall' summary.csv | sed 's/\"[^\"]*\",//'" \
	using 0:1 with boxes lc rgb "#3070b0", \
	"" using 0:1:2:3 with yerrorbars lc rgb "black", \
	"" using 0:4 with points pt 2 lc rgb "#c03030"
set title "The chain's ADD as attachments grow"
set key top left
set xrange [0.8:1250]
set logscale x
set logscale y
set yrange [1:*]
set xtics (1, 100, 500, 1000)
set xlabel "attachments with ports on the bridge"
set ylabel "ms (median)"
plot "scale-medians.csv" skip 1 using 1:2 with linespoints lw 2 title "ours", \
	"" skip 1 using 1:4 with linespoints lw 2 title "reference"
set title "New connections to the last published port"
set key bottom left
set xrange [0.8:12500]
set xtics (1, 1000, 10000)
set yrange [10:*]
set xlabel "published ports"
set ylabel "connections per second (median)"
plot "connections-medians.csv" skip 1 using 1:2 with linespoints lw 2 title "ours", \
	"" skip 1 using 1:3 with linespoints lw 2 title "reference's rules", \
	"" skip 1 using 1:4 with lines dt 2 title "not published"
unset multiplot
