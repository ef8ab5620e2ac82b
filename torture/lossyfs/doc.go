//go:build linux

// Package lossyfs is a FUSE file system for power-cut tests: of all that is
// written to it, only what was made durable by fsync survives a cut.
//
// Programs use the mount like any other directory. Behind it every file has
// two copies: the live one, which reads and writes see, and the durable one,
// to which an fsync or fdatasync carries the ranges written since the last
// sync. Names have two copies as well: a create, rename or unlink reaches the
// durable copy by an fsync of its directory (Metadata: Strict) or at once
// (Metadata: Lenient). [FS.Cut] is the power cut. It freezes the durable copy
// at one instant; [FS.Restore] then gives the directory that a machine would
// find when it boots again.
//
// A sync is atomic towards the cut: it either finished before, and all it
// covers is in the image, or it fails with EIO, as does every other change
// after the cut. So a correct program cannot acknowledge anything that the
// cut took away, and whatever it did acknowledge, at any time, must be found
// in the image.
//
// What a disk does with data that was never synced is unknown, so
// [Options.Unsynced] chooses: lose it all, keep a random prefix of its
// 512-byte sectors (a torn write), or keep a random subset (reordered
// writes). An old version of a sector that was overwritten before any sync is
// not remembered; a sector has its last synced content or its newest.
//
// Locks are the kernel's own (POSIX, OFD and flock), and shared memory maps
// work, so SQLite runs in WAL mode with its -shm file. A process must not
// fault on a map of a file system that it serves itself: the Go runtime can
// deadlock. Keep the program under test in another process, or let SQLite use
// locking_mode=EXCLUSIVE, which needs no map.
package lossyfs
