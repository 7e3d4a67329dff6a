//go:build !amd64

package crash

import "golang.org/x/sys/unix"

// older are system calls that there are newer ones for, and these: other processors
// have but one of them.
var older = map[uint64]func(a [6]uint64) (uint64, [6]uint64){
	unix.SYS_RENAMEAT: func(a [6]uint64) (uint64, [6]uint64) { return unix.SYS_RENAMEAT2, [6]uint64{a[0], a[1], a[2], a[3]} },
}
