package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// measurePython measures the worker of the Python SDK, one process: with coroutines, and with handlers in threads.
func measurePython(ctx context.Context, b *bench) error {
	const interpreter, program = "bin/venv/bin/python", "bench/worker/worker.py"
	if _, err := os.Stat(interpreter); err != nil {
		fmt.Fprintln(b.progress, "python     left out: run scripts/python-venv.sh")
		return nil
	}
	if err := b.measureSDK(ctx, "python", interpreter, program); err != nil {
		return err
	}
	return b.measureSDK(ctx, "python_threads", interpreter, program, "def")
}

// measureTypeScript measures the worker of the TypeScript SDK, one process, with the SDK as it is published.
func measureTypeScript(ctx context.Context, b *bench) error {
	const sdk = "sdk/typescript"
	if _, err := os.Stat(sdk + "/node_modules"); err != nil {
		fmt.Fprintln(b.progress, "typescript left out: run npm --prefix sdk/typescript ci")
		return nil
	}
	build := exec.CommandContext(ctx, "npm", "--prefix", sdk, "run", "--silent", "build")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the TypeScript SDK: %w\n%s", err, out)
	}
	return b.measureSDK(ctx, "typescript", "node", "bench/worker/worker.mjs")
}

// measureSDK measures what one worker process completes, as measureCompleted does for the Go SDK.
func (b *bench) measureSDK(ctx context.Context, name, program string, args ...string) error {
	s, err := b.server(ctx, filepath.Join(b.dir, name))
	if err != nil {
		return err
	}
	defer s.kill()
	w, err := b.workerOf(s, program, args...)
	if err != nil {
		return err
	}
	defer w.kill()
	r, err := b.load(ctx, s, "noop", "?wait=60", "completed", b.clients, b.second, w)
	if err != nil {
		return err
	}
	b.figures[name+"_completed_per_s"] = round(r.PerSecond)
	b.figures[name+"_completed_p50_ms"], b.figures[name+"_completed_p99_ms"] = ms(r.Latency.P50), ms(r.Latency.P99)
	b.cpu(name+"_completed", r, s, w)
	if r, err = b.load(ctx, s, "ten", "?wait=60", "completed", b.clients, b.second, w); err != nil {
		return err
	}
	b.figures[name+"_checkpoints_per_s"] = round(r.PerSecond * 10)
	return nil
}
