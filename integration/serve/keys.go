package serve

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/trm-go/refiner/internal/beside"
	"github.com/trm-go/refiner/memory"
)

// Key lets whoever holds it into one scope. The key itself is kept nowhere: only its SHA-256, which for 256 random bits is
// as good as a slow hash.
type Key struct {
	Name string `json:"name"` // for logs and metrics
	Hash string `json:"hash"` // "sha256:" and 64 hexadecimal digits

	memory.Scope // that it is bound to. No request can widen it.

	// AnyUser is for a backend that serves many: each request names its user in X-User-Id. User must be empty.
	AnyUser bool `json:"any_user,omitempty"`
	// ReadOnly keys remember, supersede and delete nothing; a chat recalls and is not written back.
	ReadOnly bool `json:"read_only,omitempty"`
	// Metrics lets the key read /metrics, which counts over all scopes.
	Metrics bool `json:"metrics,omitempty"`
}

// keyPrefix marks a key for scanners that look for secrets in places where none belongs.
const keyPrefix = "rfn_"

const hashPrefix = "sha256:"

// ErrKeys is returned for a file of keys that cannot be used.
var ErrKeys = errors.New("unusable keys")

// NewKey makes a key for a scope. It returns the secret, which is nowhere else, and the Key without it.
func NewKey(name string, scope memory.Scope) (string, Key) {
	var random [32]byte
	_, _ = rand.Read(random[:]) // it ends the process rather than fail
	secret := keyPrefix + base64.RawURLEncoding.EncodeToString(random[:])
	return secret, Key{Name: name, Hash: HashKey(secret), Scope: scope}
}

// HashKey is a secret as [Key.Hash] holds it.
func HashKey(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hashPrefix + hex.EncodeToString(sum[:])
}

// keyFile is how keys lie in a file.
type keyFile struct {
	Keys []Key `json:"keys"`
}

// maxKeys bounds the file of keys, in bytes: about 50,000 of them.
const maxKeys = 16 << 20

// LoadKeys reads a file of keys. An error wraps [ErrKeys] and names the key at fault.
func LoadKeys(path string) ([]Key, error) {
	info, err := os.Stat(path)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxKeys) {
		err = fmt.Errorf("it must be a file of at most %d bytes", maxKeys)
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: read %q: %w", ErrKeys, path, err)
	}
	keys, err := parseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	return keys, nil
}

// parseKeys reads what a file of keys holds: {"keys": [{"name": "...", "hash": "sha256:...", "user": "..."}]}.
func parseKeys(text []byte) ([]Key, error) {
	var file keyFile
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields() // a mistyped "user" would open another scope
	if err := d.Decode(&file); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeys, err)
	}
	if d.More() {
		return nil, fmt.Errorf("%w: there is more than one JSON object", ErrKeys)
	}
	names, hashes := map[string]bool{}, map[string]bool{}
	for i := range file.Keys {
		k := &file.Keys[i]
		k.Hash = strings.ToLower(k.Hash)
		if err := k.check(); err != nil {
			return nil, fmt.Errorf("%w: key %d (%q): %w", ErrKeys, i+1, k.Name, err)
		}
		if names[k.Name] || hashes[k.Hash] {
			return nil, fmt.Errorf("%w: key %d (%q): its name or its hash is there twice", ErrKeys, i+1, k.Name)
		}
		names[k.Name], hashes[k.Hash] = true, true
	}
	return file.Keys, nil
}

func (k *Key) check() error {
	digits, found := strings.CutPrefix(k.Hash, hashPrefix)
	sum, err := hex.DecodeString(digits)
	switch {
	case strings.TrimSpace(k.Name) == "":
		return errors.New("it has no name")
	case !found || err != nil || len(sum) != sha256.Size:
		return errors.New("its hash is not \"sha256:\" and 64 hexadecimal digits: make a key with `refine serve key`")
	case k.AnyUser && k.User != "":
		return errors.New("any_user and user exclude each other")
	}
	for name, part := range map[string]string{"tenant": k.Tenant, "user": k.User, "agent": k.Agent, "session": k.Session} {
		if len(part) > memory.MaxName {
			return fmt.Errorf("its %s has more than %d bytes", name, memory.MaxName)
		}
	}
	return nil
}

// AddKey puts a key into a file of keys, which is made if there is none. The file is replaced as a whole, so that a
// crash leaves the old one or the new one.
func AddKey(path string, k Key) error {
	keys, err := LoadKeys(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text, err := json.MarshalIndent(keyFile{append(keys, k)}, "", "  ")
	if err != nil {
		return err
	}
	if _, err := parseKeys(text); err != nil {
		return err
	}
	return beside.WriteFile(path, append(text, '\n'))
}

// ring finds the key of a secret.
type ring []Key

// find compares with every key, in a time that tells nothing of them.
func (r ring) find(secret string) *Key {
	hash := []byte(HashKey(secret))
	at := -1
	for i := range r {
		at = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(hash, []byte(r[i].Hash)), i, at)
	}
	if at < 0 {
		return nil
	}
	return &r[at]
}
