// tether PARENT_PID COMMAND [ARGS...] becomes COMMAND, and the kernel kills that process when its parent ends, however the parent ends.
//
// PR_SET_PDEATHSIG belongs to a thread and survives exec: the main goroutine is locked to its thread so that the thread that asks is the
// one that becomes COMMAND.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
)

func init() { runtime.LockOSThread() }

func main() {
	if len(os.Args) < 3 {
		fail("usage: tether PARENT_PID COMMAND [ARGS...]")
	}
	parent, err := strconv.Atoi(os.Args[1])
	if err != nil {
		fail("not a process id: " + os.Args[1])
	}
	if _, _, e := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0); e != 0 {
		fail("prctl: " + e.Error())
	}
	// The parent may have ended before the prctl; no signal would ever come then.
	if os.Getppid() != parent {
		fail("the parent is gone")
	}
	path, err := exec.LookPath(os.Args[2])
	if err != nil {
		fail(err.Error())
	}
	fail(syscall.Exec(path, os.Args[2:], os.Environ()).Error())
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, "tether: "+message)
	os.Exit(127)
}
