package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/server"
)

// devKeyFile keeps the key of `sojourn dev` in its data directory.
const devKeyFile = "dev.key"

// dataDir is the directory of the server on this machine.
func (c *cli) dataDir() string {
	for _, dir := range []string{c.data, c.env["SOJOURN_DATA"]} {
		if dir != "" {
			return dir
		}
	}
	return server.DefaultData
}

// databaseURL is the address of the database that servers share: that of the flag, or that of the environment unless a
// data directory is named. Empty: the data lies in a directory.
func (c *cli) databaseURL() string {
	if c.dbGiven {
		return c.db.Reveal()
	}
	if c.dataGiven || c.env["SOJOURN_DATA"] != "" {
		return ""
	}
	return c.env["SOJOURN_DATABASE_URL"]
}

// discover completes address and key from the data directory of a server on this machine: the key of `sojourn dev`, or
// that of the running server. A key found there is sent to that server only.
func (c *cli) discover() (url, key string) {
	url, key = c.url, c.apiKey
	if !c.dataGiven { // --data names a server more closely than the environment does
		url, key = first(url, c.env["SOJOURN_BASE_URL"]), first(key, c.env["SOJOURN_API_KEY"])
	}
	if url != "" && key != "" {
		return url, key
	}
	found, err := server.ReadAdmin(c.dataDir())
	if err != nil {
		found = &server.Admin{URL: sojourn.DefaultBaseURL}
		if c.url != "" && strings.TrimRight(c.url, "/") == found.URL {
			found.URL = c.url
		}
	}
	if url == "" {
		url = found.URL
	}
	if key == "" && strings.TrimRight(url, "/") == found.URL {
		key = found.Key
		if text, err := os.ReadFile(filepath.Join(c.dataDir(), devKeyFile)); err == nil {
			key = strings.TrimSpace(string(text))
		}
	}
	return url, key
}

// client talks to the server that flags, environment or data directory name.
func (c *cli) client() (*sojourn.Client, error) {
	url, key := c.discover()
	if key == "" {
		return nil, &exitError{exitAuth, errors.New("no API key: set SOJOURN_API_KEY or --api-key, or run this in the folder where `sojourn dev` runs")}
	}
	client, err := sojourn.NewClient(sojourn.Config{BaseURL: url, APIKey: key, UserAgent: "sojourn-cli/" + version})
	if err != nil {
		return nil, usagef("%w", err)
	}
	return client, nil
}

// manager is a client that may do everything with the data of --data: through the server that runs on it, or, when
// none does, by opening the data itself for the time of the command, as it always does with a database. Without --data it is an ordinary client when flags
// or environment say which.
func (c *cli) manager(ctx context.Context) (client *sojourn.Client, done func() error, err error) {
	done = func() error { return nil }
	if !c.dataGiven && !c.dbGiven && (c.apiKey != "" || c.env["SOJOURN_API_KEY"] != "") {
		client, err = c.client()
		return client, done, err
	}
	if url := c.databaseURL(); url != "" {
		return c.opened(ctx, server.Config{Database: url})
	}
	dir := c.dataDir()
	if a, err := server.ReadAdmin(dir); err == nil && alive(ctx, a.URL) {
		client, err = sojourn.NewClient(sojourn.Config{BaseURL: a.URL, APIKey: a.Key, UserAgent: "sojourn-cli/" + version})
		return client, done, err
	}
	if _, err := os.Stat(dir); err != nil && !c.dataGiven {
		return nil, nil, &exitError{exitAuth, fmt.Errorf("no API key, and there is no data in %s: set SOJOURN_API_KEY or --api-key, or name a data directory with --data", dir)}
	}
	return c.opened(ctx, server.Config{Data: dir})
}

// opened is a client of a server that lives as long as the command.
func (c *cli) opened(ctx context.Context, cfg server.Config) (client *sojourn.Client, done func() error, err error) {
	cfg.NoListener, cfg.Version, cfg.DatabaseWait = true, version, -1
	srv, err := server.Open(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	if client, err = srv.Client(); err != nil {
		return nil, nil, errors.Join(err, srv.Close())
	}
	return client, srv.Close, nil
}

// alive reports whether a server answers at the address.
func alive(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/healthz", http.NoBody)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return true
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
