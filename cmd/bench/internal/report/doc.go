// Package report is the command that shows results: as a page of charts and tables, or as the differences between two runs.
//
// Charts are drawn as SVG by a charting library and put into the page, whose colours follow the reader's choice of light or dark.
//
// Invariant: the page asks nobody for anything and runs nothing, whatever names are in the results.
package report
