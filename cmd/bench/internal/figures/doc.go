// Package figures writes numbers as people read them: in tables, on pages and on the line of progress.
//
// Invariant: the same number looks the same in a terminal and on a page.
package figures
