package models

import (
	"cmp"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/trm-go/refiner/adapters/encoder"
)

// The hub protocol: GET /api/models/ORG/NAME/revision/REVISION lists a repository's files and names the commit; GET
// /ORG/NAME/resolve/COMMIT/FILE answers with a file. Its ETag, or X-Linked-Etag where the file lies elsewhere, is the
// SHA-256 of a large file and git's blob hash of a small one. Requests with a Range go on where a download stopped.

// repository is one revision of a model on a hub.
type repository struct {
	base   string // scheme, host, and the path of the model
	commit string
	files  []string
	o      *PullOptions
}

// mostListing bounds a repository's listing.
const mostListing = 8 << 20

// get asks for what stands at an address, from a byte on.
func (o *PullOptions) get(ctx context.Context, address string, from int64) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	if from > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	response, err := o.Client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode/100 != 2 && response.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		response.Body.Close()
		return nil, fmt.Errorf("%s answers %s", address, response.Status)
	}
	return response, nil
}

// open asks a hub for a model: https://HOST/ORG/NAME, with /tree/REVISION for another revision than main.
func open(ctx context.Context, address *url.URL, o *PullOptions) (*repository, error) {
	parts := strings.Split(strings.Trim(address.Path, "/"), "/")
	revision := "main"
	if len(parts) == 4 && parts[2] == "tree" {
		revision, parts = parts[3], parts[:2]
	}
	if len(parts) != 2 {
		return nil, fmt.Errorf("%w: give a hub's address as https://HOST/ORG/NAME, or https://HOST/ORG/NAME/tree/REVISION", ErrUnknown)
	}
	host := address.Scheme + "://" + address.Host
	name := url.PathEscape(parts[0]) + "/" + url.PathEscape(parts[1])
	response, err := o.get(ctx, host+"/api/models/"+name+"/revision/"+url.PathEscape(revision), 0)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var listing struct {
		SHA      string
		Siblings []struct {
			File string `json:"rfilename"`
		}
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, mostListing)).Decode(&listing); err != nil {
		return nil, fmt.Errorf("the hub's listing: %w", err)
	}
	r := &repository{base: host + "/" + name, commit: cmp.Or(listing.SHA, revision), o: o}
	for _, s := range listing.Siblings {
		r.files = append(r.files, s.File)
	}
	return r, nil
}

// weightFiles are looked for in this order: 8 bits are a quarter of the size and three times as fast.
var weightFiles = []string{"onnx/model_quantized.onnx", "onnx/model_int8.onnx", "model_quantized.onnx", "onnx/model.onnx", "model.onnx", "model.safetensors"}

// pullURL fetches a hub's model.
func pullURL(ctx context.Context, address string, o *PullOptions) (Installed, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return Installed{}, errors.Join(err, fmt.Errorf("%w: use an address that begins with https://", ErrUnknown))
	}
	r, err := open(ctx, u, o)
	if err != nil {
		return Installed{}, err
	}
	wanted := weightFiles
	if o.Card.Weights != "" {
		wanted = []string{o.Card.Weights}
	}
	at := slices.IndexFunc(wanted, func(file string) bool {
		return slices.Contains(r.files, file) && (cgo || path.Ext(file) == ".safetensors")
	})
	if at < 0 {
		return Installed{}, fmt.Errorf("%w: %s has none of %s that this program can run", encoder.ErrNoModel, r.base, strings.Join(wanted, ", "))
	}
	card := o.Card
	card.Weights = localName(wanted[at])
	card.Name = cmp.Or(card.Name, nameOf(path.Base(r.base)))
	card.Source = cmp.Or(card.Source, strings.TrimPrefix(r.base, u.Scheme+"://")+" at "+r.commit)
	// What was downloaded of a pull that did not end stays here, for the next to go on.
	partial := filepath.Join(Root(), ".partial-"+card.Name)
	if err := os.MkdirAll(partial, 0o755); err != nil {
		return Installed{}, err
	}
	m, err := place(ctx, card.Name, o, func(dir string) error {
		for _, file := range append([]string{wanted[at]}, modelFiles...) {
			if file == encoder.CardFile || !slices.Contains(r.files, file) {
				continue
			}
			if err := r.download(ctx, file, partial, filepath.Join(dir, localName(file))); err != nil {
				return err
			}
		}
		described, err := encoder.Describe(dir, card)
		if err != nil {
			return err
		}
		return seal(dir, described)
	})
	if err != nil {
		return m, err
	}
	return m, os.RemoveAll(partial)
}

// download fetches a file by way of a partial one, which is named after the file's hash, and checks it.
func (r *repository) download(ctx context.Context, file, partial, to string) error {
	address := r.base + "/resolve/" + url.PathEscape(r.commit) + "/" + file
	// The answer to HEAD comes from the hub itself, and not from where a large file lies: there only the hub knows the hash.
	client := *r.o.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, address, nil)
	if err != nil {
		return err
	}
	head, err := client.Do(request)
	if err != nil {
		return err
	}
	head.Body.Close()
	if head.StatusCode/100 > 3 {
		return fmt.Errorf("%s answers %s", address, head.Status)
	}
	tag := strings.Trim(strings.TrimPrefix(cmp.Or(head.Header.Get("X-Linked-Etag"), head.Header.Get("ETag")), "W/"), `"`)
	if len(tag) != 40 && len(tag) != 64 || strings.Trim(tag, "0123456789abcdef") != "" {
		return fmt.Errorf("%w: the hub tells no hash of %s", ErrHash, file)
	}
	part := filepath.Join(partial, tag)
	if err := r.fetch(ctx, address, file, part); err != nil {
		return err
	}
	sum, err := hashFile(part, len(tag))
	if err != nil {
		return err
	}
	if sum != tag {
		return errors.Join(fmt.Errorf("%w: %s has the hash %s, the hub says %s", ErrHash, file, sum, tag), os.Remove(part))
	}
	// It stays until the whole model is there.
	if err := os.Link(part, to); err == nil {
		return nil
	}
	return os.Rename(part, to)
}

// fetch appends to a partial file what it lacks.
func (r *repository) fetch(ctx context.Context, address, file, part string) (err error) {
	f, err := os.OpenFile(part, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	done, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	response, err := r.o.get(ctx, address, done)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusRequestedRangeNotSatisfiable: // it is all there
		return nil
	case http.StatusPartialContent:
	default: // the server begins anew
		if done, err = f.Seek(0, io.SeekStart); err == nil {
			err = f.Truncate(0)
		}
		if err != nil {
			return err
		}
	}
	p := &progress{done: done, total: -1, report: func(done, total int64) { r.o.Progress(file, done, total) }}
	if response.ContentLength >= 0 {
		p.total = done + response.ContentLength
	}
	if _, err := io.Copy(f, io.TeeReader(response.Body, p)); err != nil {
		return fmt.Errorf("%s after %d bytes, pull again to go on: %w", file, p.done, err)
	}
	return nil
}

// progress counts what is written to it.
type progress struct {
	done, total int64
	report      func(done, total int64)
}

func (p *progress) Write(b []byte) (int, error) {
	p.done += int64(len(b))
	p.report(p.done, p.total)
	return len(b), nil
}

// hashFile is a file's hash in as many digits as a tag has: SHA-256, or git's SHA-1 of a blob.
func hashFile(path string, digits int) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if digits != 2*sha256.Size {
		info, err := f.Stat()
		if err != nil {
			return "", err
		}
		h = sha1.New()
		fmt.Fprintf(h, "blob %d\x00", info.Size())
	}
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}
