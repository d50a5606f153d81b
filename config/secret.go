package config

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Secret is a string that does not show itself when it is printed, logged or marshalled: string(s) is what it hides.
type Secret string

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return Hidden
}

// Hidden is what is shown instead of a [Secret].
const Hidden = "[hidden]"

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return fmt.Sprintf("%q", s.String()) }

// MarshalText hides the secret from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// keyTimeout bounds key_command, which may have to ask a person or a key ring.
const keyTimeout = 30 * time.Second

// Key fetches the API key: from key_command if it is set, else from key_file, else from the variable that key_env names.
// No key is no error, since local endpoints need none. The command is split at spaces and run without a shell.
func (e Embedder) Key(ctx context.Context) (Secret, error) {
	return fetchKey(ctx, "embedder", e.KeyCommand, e.KeyFile, e.KeyEnv)
}

// Key fetches the API key as [Embedder.Key] does.
func (m Model) Key(ctx context.Context) (Secret, error) {
	return fetchKey(ctx, "model", m.KeyCommand, m.KeyFile, m.KeyEnv)
}

func fetchKey(ctx context.Context, group, command, file, env string) (Secret, error) {
	switch {
	case strings.TrimSpace(command) != "":
		ctx, stop := context.WithTimeout(ctx, keyTimeout)
		defer stop()
		words := strings.Fields(command)
		out, err := exec.CommandContext(ctx, words[0], words[1:]...).Output()
		if err != nil {
			return "", fmt.Errorf("%s.key_command: %s: %w", group, words[0], err)
		}
		return secret(group+".key_command", out)
	case file != "":
		text, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("%s.key_file: %w", group, err)
		}
		return secret(group+".key_file", text)
	case env != "":
		return Secret(strings.TrimSpace(os.Getenv(env))), nil
	}
	return "", nil
}

// secret takes the first line. What it finds is not repeated in an error.
func secret(key string, text []byte) (Secret, error) {
	line, _, _ := bytes.Cut(bytes.TrimSpace(text), []byte("\n"))
	if line = bytes.TrimSpace(line); len(line) > 0 {
		return Secret(line), nil
	}
	return "", fmt.Errorf("%s gives nothing: it must give the key on its first line", key)
}
