// Package listen opens listening sockets, for any server: TCP on one or both versions of IP, and Unix sockets.
//
//	HOST:PORT        TCP, as package net has it. No host, 0.0.0.0 and [::] are all addresses of the machine, IPv4 and
//	                 IPv6 where there is both. An IPv6 address stands in brackets and may have a zone:
//	                 [fe80::1%eth0]:80. A name is looked up, and one of its addresses taken, IPv4 first. Port 0 is
//	                 any that is free
//	tcp4:HOST:PORT   the same for IPv4 alone: tcp4::80
//	tcp6:HOST:PORT   the same for IPv6 alone: tcp6::80
//	unix:PATH        a Unix socket with a file: /run/app.sock, or a path relative to the working directory
//	unix:@NAME       one without a file, in Linux's abstract namespace
//
// What comes back are listeners of package net, or, for a Unix socket with a file, one with that listener beneath it (see
// transport.Layered), so that package engine serves all of them on loops, and net/http serves them as well.
//
// The hard case is the file of a Unix socket. It outlives a program that was killed, so it has to be removed by the next
// one; but it may be something else, or the socket of an instance that is running. So it is removed only if it is a
// socket that refuses connections, and looking, removing and binding happen under a lock on its directory, for two
// instances that start at once. The file begins with mode 0600, gets its owner and then its mode, and is removed
// by Close only as long as it is the one that was made.
//
// Invariant: no file is removed that was not a socket nobody listens on, and no socket's file is ever open to more than
// Config.Mode says (on Linux; elsewhere the umask counts until the mode is set).
package listen
