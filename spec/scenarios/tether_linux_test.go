package scenarios

import (
	"os/exec"
	"syscall"
)

// tether ends the process with the test, however that ends.
func tether(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
