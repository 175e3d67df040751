# SPDX-License-Identifier: GPL-2.0-or-later
# Run in the directory with the CSV files.
set terminal svg size 1000,420 font "sans,12" background rgb "white"
set output "hawser.svg"
set datafile separator ","
set multiplot layout 1,2
set title "Wall time relative to the reference plugins"
set style fill solid 0.7
set boxwidth 0.6
set yrange [0:*]
set xrange [-0.6:1.6]
set xtics ("ADD" 0, "DEL (returned)" 1)
set ylabel "ours / reference (goal 0.125)"
unset key
plot "< grep -E 'ADD ours/ref, wall|DEL ours/ref, returned' summary.csv | sed 's/\", */\",/; s/\"[^\"]*\",//'" \
	using 0:1 with boxes lc rgb "#3070b0", \
	"" using 0:1:2:3 with yerrorbars lc rgb "black", 0.125 lc rgb "#c03030" dt 2
set title "ADD as attachments grow"
set key top left
set xrange [0.8:1250]
set logscale x
set logscale y
set yrange [0.5:*]
set xtics (1, 100, 1000)
set xlabel "attachments on the bridge"
set ylabel "ms (median)"
plot "growth-medians.csv" skip 1 using 1:2 with linespoints lw 2 title "ours", \
	"" skip 1 using 1:3 with linespoints lw 2 title "kernel floor", \
	"" skip 1 using 1:4 with linespoints lw 2 title "reference"
unset multiplot
