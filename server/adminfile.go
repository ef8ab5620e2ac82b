package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// adminFile is the file in the data directory by which tools of the same user find and manage the running server.
const adminFile = "admin.json"

// Admin says how to manage a running server.
type Admin struct {
	URL string `json:"url"`
	// Key may do everything, and is forgotten when the server stops.
	Key string `json:"key"`
	PID int    `json:"pid"`
}

// ReadAdmin reads how to manage the server that runs on the data directory. It fails with os.ErrNotExist when none
// does; one that was killed may have left the file behind.
func ReadAdmin(data string) (*Admin, error) {
	text, err := os.ReadFile(filepath.Join(data, adminFile))
	if err != nil {
		return nil, err
	}
	var a Admin
	if err := json.Unmarshal(text, &a); err != nil || a.URL == "" || a.Key == "" {
		return nil, fmt.Errorf("%s is damaged: %w", filepath.Join(data, adminFile), errors.Join(err, os.ErrNotExist))
	}
	return &a, nil
}

// writeAdmin leaves the file behind in one move, readable for its owner alone.
func writeAdmin(data string, a Admin) error {
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return WriteSecret(filepath.Join(data, adminFile), string(text))
}

// WriteSecret writes text and a line end to a file that only its owner may read. Who reads it at the same time sees
// the old content or the new one.
func WriteSecret(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // made with mode 0600
	if err != nil {
		return err
	}
	_, err = f.WriteString(text + "\n")
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
