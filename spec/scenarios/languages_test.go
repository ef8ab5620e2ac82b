package scenarios

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// binaries are what the test builds: the server, and the Go driver.
var binaries struct{ sojourn, godriver string }

// language is an SDK and how its driver is started.
type language struct {
	name string
	// driver makes what it needs in the folder given. errNotInstalled says what is missing on this machine.
	driver func(dir string) (driver, error)
}

// driver is a program.
type driver struct {
	args []string
	env  []string
}

var errNotInstalled = errors.New("not installed")

var languages = []language{
	{name: "go", driver: func(string) (driver, error) { return driver{args: []string{binaries.godriver}}, nil }},
	{name: "typescript", driver: typescript},
	{name: "python", driver: func(string) (driver, error) { return python("SCENARIO_HANDLERS=async") }},
	{name: "python-threads", driver: func(string) (driver, error) { return python("SCENARIO_HANDLERS=def") }},
}

// typescript builds the SDK as it is published.
func typescript(dir string) (driver, error) {
	const sdk = "../../sdk/typescript"
	builder, err := filepath.Abs(sdk + "/node_modules/.bin/tsdown")
	if err == nil {
		_, err = os.Stat(builder)
	}
	if err != nil {
		return driver{}, fmt.Errorf("%w: run npm --prefix sdk/typescript ci: %w", errNotInstalled, err)
	}
	cmd := exec.CommandContext(context.Background(), builder, "--log-level", "warn", "--format", "esm", "--no-dts", "--out-dir", dir)
	cmd.Dir = sdk
	if text, err := cmd.CombinedOutput(); err != nil {
		return driver{}, fmt.Errorf("building the SDK: %w: %s", err, text)
	}
	return driver{args: []string{"node", "typescript/driver.mjs"}, env: []string{"SOJOURN_SDK=" + filepath.Join(dir, "index.mjs")}}, nil
}

// python takes the SDK as it lies in the checkout, in the environment it is developed in.
// Its handlers are coroutines or plain functions.
func python(env string) (driver, error) {
	interpreter, err := filepath.Abs("../../bin/venv/bin/python")
	if err == nil {
		_, err = os.Stat(interpreter)
	}
	if err != nil {
		return driver{}, fmt.Errorf("%w: run scripts/python-venv.sh: %w", errNotInstalled, err)
	}
	return driver{args: []string{interpreter, "python/driver.py"}, env: []string{"PYTHONDONTWRITEBYTECODE=1", env}}, nil
}
