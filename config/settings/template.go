package settings

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// template is a configuration file in which every setting is explained and commented out with its default.
func template() string {
	var b strings.Builder
	b.WriteString("# Settings of the refine command. Flags win over REFINE_* variables, those over this file.\n")
	var open []string
	for _, key := range Keys() {
		path := strings.Split(key.Name, ".")
		groups, leaf := path[:len(path)-1], path[len(path)-1]
		for i, group := range groups {
			if i >= len(open) || open[i] != group {
				if i == 0 {
					b.WriteString("\n")
				}
				fmt.Fprintf(&b, "# %s%s:\n", strings.Repeat("  ", i), group)
			}
		}
		if len(groups) == 0 {
			b.WriteString("\n")
		}
		open = groups
		fmt.Fprintf(&b, "# %s%-24s # %s\n", strings.Repeat("  ", len(groups)), leaf+": "+plain(key.Default), key.Help)
	}
	return b.String()
}

// plain is a value as YAML.
func plain(value any) string {
	switch x := value.(type) {
	case string:
		if x == "" || strings.ContainsAny(x, ":#'\"\\{}[]&*!|>%@` ") {
			return fmt.Sprintf("%q", x)
		}
		return x
	case time.Duration:
		return x.String()
	}
	return fmt.Sprint(value)
}

// Init writes the template to a path, making its folder. It never overwrites: what is there is an error that wraps
// [fs.ErrExist].
func Init(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	if _, err := f.WriteString(template()); err != nil {
		f.Close()
		os.Remove(path)
		return fmt.Errorf("write the configuration: %w", err)
	}
	return f.Close()
}
