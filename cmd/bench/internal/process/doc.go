// Package process starts servers in processes of their own and reads what they use; it also tells on what machine, and what was
// built.
//
// A Child is this program again, or the command of another server. It is pinned to CPUs before its first instruction; one of
// ours is talked to over its standard input, where Obey answers it. CPU time, memory and context switches are those of the
// process with all that it has started, read from the kernel's clocks and files, elsewhere than on Linux from what a child of
// ours says of itself.
//
// Invariant: no process that is started here outlives its Stop, nor its parent, however that ends.
package process
