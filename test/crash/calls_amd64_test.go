package crash

import "golang.org/x/sys/unix"

// older are system calls that there are newer ones for, and these.
var older = map[uint64]func(a [6]uint64) (uint64, [6]uint64){
	unix.SYS_OPEN: func(a [6]uint64) (uint64, [6]uint64) { return unix.SYS_OPENAT, [6]uint64{here, a[0], a[1], a[2]} },
	unix.SYS_CREAT: func(a [6]uint64) (uint64, [6]uint64) {
		return unix.SYS_OPENAT, [6]uint64{here, a[0], unix.O_CREAT | unix.O_WRONLY | unix.O_TRUNC, a[1]}
	},
	unix.SYS_MKDIR:  func(a [6]uint64) (uint64, [6]uint64) { return unix.SYS_MKDIRAT, [6]uint64{here, a[0], a[1]} },
	unix.SYS_UNLINK: func(a [6]uint64) (uint64, [6]uint64) { return unix.SYS_UNLINKAT, [6]uint64{here, a[0]} },
	unix.SYS_RMDIR: func(a [6]uint64) (uint64, [6]uint64) {
		return unix.SYS_UNLINKAT, [6]uint64{here, a[0], unix.AT_REMOVEDIR}
	},
	unix.SYS_RENAME:   func(a [6]uint64) (uint64, [6]uint64) { return unix.SYS_RENAMEAT2, [6]uint64{here, a[0], here, a[1]} },
	unix.SYS_RENAMEAT: func(a [6]uint64) (uint64, [6]uint64) { return unix.SYS_RENAMEAT2, [6]uint64{a[0], a[1], a[2], a[3]} },
	unix.SYS_LINK:     func(a [6]uint64) (uint64, [6]uint64) { return unix.SYS_LINKAT, [6]uint64{here, a[0], here, a[1]} },
	unix.SYS_SYMLINK:  func(a [6]uint64) (uint64, [6]uint64) { return unix.SYS_SYMLINKAT, [6]uint64{a[0], here, a[1]} },
}

const here = 1<<64 + unix.AT_FDCWD
