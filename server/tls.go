package server

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificateEvery is how often the files of a certificate are looked at, at most.
const certificateEvery = 10 * time.Second

// certificate is a TLS certificate from files, which is read again when they change. A change that cannot be read is
// logged, and the last good certificate stays.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	stamp   [2]stamp
	looked  time.Time
}

// stamp tells whether a file has changed.
type stamp struct {
	modified time.Time
	size     int64
}

func stampOf(path string) (stamp, error) {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}, err
	}
	return stamp{info.ModTime(), info.Size()}, nil
}

// loadCertificate reads the files for the first time.
func loadCertificate(certFile, keyFile string, log *slog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log}
	if err := c.load(time.Now()); err != nil {
		return nil, err
	}
	return c, nil
}

// load reads the files if they have changed.
func (c *certificate) load(now time.Time) error {
	c.looked = now
	var stamps [2]stamp
	for i, file := range []string{c.certFile, c.keyFile} {
		var err error
		if stamps[i], err = stampOf(file); err != nil {
			return fmt.Errorf("TLS certificate: %w", err)
		}
	}
	if c.current != nil && stamps == c.stamp {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("TLS certificate %s with key %s: %w", c.certFile, c.keyFile, err)
	}
	c.current, c.stamp = &pair, stamps
	return nil
}

// get is tls.Config.GetCertificate.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.looked) >= certificateEvery {
		before := c.current
		if err := c.load(now); err != nil {
			c.log.Error("the changed TLS certificate cannot be used, the old one stays", "error", err)
		} else if c.current != before {
			c.log.Info("TLS certificate read again")
		}
	}
	return c.current, nil
}

// config is how connections are encrypted: TLS 1.3, or 1.2 for older clients.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: c.get,
		NextProtos:     []string{"h2", "http/1.1"},
	}
}
