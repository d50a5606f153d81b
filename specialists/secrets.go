package specialists

import (
	"math/big"
	"regexp"
	"slices"
	"strings"

	"github.com/trm-go/refiner/internal/text"
)

// secret is a passage that must not leave without reason.
type secret struct {
	from, to int
	kind     string // "API key"
}

// detector finds one kind of secret. The first group of the expression is the secret, or all of it without a group.
type detector struct {
	kind  string
	match *regexp.Regexp
	valid func(string) bool // nil: whatever matches
	// needs are what a text must have one of, in lower case, for a match to be possible: looking for them is fifty times
	// faster than the expression. Empty: a digit.
	needs []string
}

// detectors, the most certain first: where two find the same passage the first one names it.
var detectors = []detector{
	{"private key", regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`), nil, []string{"-----begin"}},
	{"API key", regexp.MustCompile(`\b(?:sk-[A-Za-z0-9_-]{16,}|(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|xox[abprs]-[A-Za-z0-9-]{10,}|AIza[0-9A-Za-z_-]{30,}|hf_[A-Za-z0-9]{20,}|(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,})`), nil, []string{"sk-", "akia", "asia", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "aiza", "hf_", "sk_", "rk_", "pk_"}},
	{"token", regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}`), nil, []string{"eyj"}},
	{"token", regexp.MustCompile(`(?i)\bbearer\s+([A-Za-z0-9._~+/-]{16,}=*)`), nil, []string{"bearer"}},
	{"token", regexp.MustCompile(`(?i)\b(?:token|secret|api[ _-]?key|access[ _-]?key)\b["']?\s*(?:is|=|:)?\s*["'“]?([A-Za-z0-9_./+-]{12,}=*)`), mixed, []string{"token", "secret", "key"}},
	{"password", regexp.MustCompile(`(?i)\b(?:password|passwd|passphrase|passcode|pwd|passwort|mot de passe|contraseña)\b[^.\n:=]{0,40}?(?:\bis\b|\bwas\b|=|:)\s*["'“]?([^\s"'“”]{3,64})`), plausible, []string{"passw", "passphrase", "passcode", "pwd", "mot de passe", "contrase"}},
	{"password", regexp.MustCompile(`(?i)\b(?:pin|cvv|cvc|otp|pin code|security code)\b[^.\n:=\d]{0,24}?(?:is|=|:)\s*["'“]?(\d{3,8})\b`), nil, []string{"pin", "cvv", "cvc", "otp", "code"}},
	{"password", regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.-]{1,15}://[^\s/:@]{1,64}:([^\s/@]{1,64})@`), nil, []string{"://"}},
	{"card number", regexp.MustCompile(`\b\d(?:[ -]?\d){12,18}\b`), luhn, nil},
	{"IBAN", regexp.MustCompile(`\b[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?\b`), iban, nil},
	{"social security number", regexp.MustCompile(`\b\d{3}-\d{2}-\d{4}\b`), nil, nil},
	{"email address", regexp.MustCompile(`[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}\b`), nil, []string{"@"}},
	{"phone number", regexp.MustCompile(`(?:\+|\b00)\d{1,3}[ ./-]?(?:\(\d{1,5}\)[ ./-]?)?\d(?:[ ./-]?\d){6,12}\b|\(\d{3,5}\) ?\d{3,4}[ -]?\d{3,4}\b|\b0\d{2,5}[ /-]\d{3,4}[ -]?\d{2,6}\b|\b\d{3}[ .-]\d{3}[ .-]\d{4}\b`), nil, nil},
	{"address", regexp.MustCompile(`\b\d{1,5}[a-zA-Z]? (?:[A-Z][\p{L}'’.-]* ){1,4}(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Square|Terrace|Way|Place|Close|Crescent)\b|\b\p{Lu}[\p{L}-]*(?:straße|strasse|gasse|weg|platz|allee) \d{1,4}[a-z]?\b|\b\d{1,4},? (?:rue|avenue|boulevard|place) (?:de |du |des |de la )?[\p{L}' -]{3,30}`), nil, nil},
}

// secrets finds the secrets of a text, in order and without overlaps. The time it takes grows with the length of s.
func secrets(s string) []secret {
	var found []secret
	low, digits := strings.ToLower(s), strings.ContainsAny(s, "0123456789")
	for _, d := range detectors {
		if d.needs == nil && !digits || d.needs != nil && !slices.ContainsFunc(d.needs, func(n string) bool { return strings.Contains(low, n) }) {
			continue
		}
		for _, m := range d.match.FindAllStringSubmatchIndex(s, 1000) {
			from, to := m[0], m[1]
			if len(m) > 2 && m[2] >= 0 {
				from, to = m[2], m[3]
			}
			for to > from && strings.IndexByte(".,;!?)", s[to-1]) >= 0 {
				to--
			}
			if d.valid != nil && !d.valid(s[from:to]) {
				continue
			}
			if !slices.ContainsFunc(found, func(o secret) bool { return from < o.to && o.from < to }) {
				found = append(found, secret{from, to, d.kind})
			}
		}
	}
	slices.SortFunc(found, func(a, b secret) int { return a.from - b.from })
	return found
}

// mixed reports whether s looks made by a machine: letters and digits.
func mixed(s string) bool {
	return strings.ContainsAny(s, "0123456789") && strings.ContainsAny(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
}

// plausible reports whether what follows "the password is" may be one, rather than the rest of a sentence.
func plausible(s string) bool {
	low := strings.ToLower(strings.Trim(s, ".,;!?"))
	return low != "" && !text.Grammar(low) && !text.Pronoun(low) && !adjectives[low] && !strings.HasSuffix(low, "ed") &&
		!strings.HasSuffix(low, "ing") && !strings.HasPrefix(low, "[")
}

var adjectives = map[string]bool{"secret": true, "wrong": true, "correct": true, "right": true, "safe": true, "weak": true, "strong": true,
	"hidden": true, "unknown": true, "incorrect": true, "old": true, "new": true, "long": true, "short": true, "different": true}

// luhn checks a card number by its last digit (ISO/IEC 7812-1).
func luhn(s string) bool {
	sum, n := 0, 0
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] < '0' || s[i] > '9' {
			continue
		}
		d := int(s[i] - '0')
		if n%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
		n++
	}
	return n >= 13 && n <= 19 && sum%10 == 0 && sum > 0
}

// iban checks an international bank account number by its remainder modulo 97 (ISO 13616).
func iban(s string) bool {
	s = strings.ToUpper(strings.ReplaceAll(s, " ", ""))
	if len(s) < 15 || len(s) > 34 {
		return false
	}
	var digits strings.Builder
	for _, c := range []byte(s[4:] + s[:4]) {
		switch {
		case c >= '0' && c <= '9':
			digits.WriteByte(c)
		case c >= 'A' && c <= 'Z':
			n := int(c-'A') + 10
			digits.WriteByte(byte('0' + n/10))
			digits.WriteByte(byte('0' + n%10))
		default:
			return false
		}
	}
	n, ok := new(big.Int).SetString(digits.String(), 10)
	return ok && new(big.Int).Mod(n, big.NewInt(97)).Int64() == 1
}
