// Renders the chart as Helm does, for the check alone: it is no part of mflow, and no replacement of Helm. Debian has
// no Helm, but has what Helm's templates are made of: Go's text/template, sprig, and sigs.k8s.io/yaml.
//
// Reads one request as JSON from standard input, writes {template: text} as JSON to standard output. Values are laid
// over values.yaml by Helm's rules: maps are merged, lists replaced, null takes a key away.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"sigs.k8s.io/yaml"
)

type request struct {
	Chart     string                   // folder of the chart
	Name      string                   // of the release
	Namespace string                   // of the release
	Values    map[string]interface{}   // as `helm install -f` has them
	Versions  []string                 // API versions and kinds of the cluster, e.g. policy/v1 and policy/v1/PodDisruptionBudget
	Objects   []map[string]interface{} // what `lookup` finds
	Upgrade   bool                     // there is such a release already
}

type versions []string

// Has is .Capabilities.APIVersions.Has.
func (all versions) Has(wanted string) bool {
	for _, each := range all {
		if each == wanted {
			return true
		}
	}
	return false
}

func main() {
	var asked request
	fail(json.NewDecoder(os.Stdin).Decode(&asked))
	rendered, err := render(asked)
	fail(err)
	fail(json.NewEncoder(os.Stdout).Encode(rendered))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func render(asked request) (map[string]string, error) {
	defaults, err := mapFrom(filepath.Join(asked.Chart, "values.yaml"))
	if err != nil {
		return nil, err
	}
	about, err := mapFrom(filepath.Join(asked.Chart, "Chart.yaml"))
	if err != nil {
		return nil, err
	}
	chart := map[string]interface{}{}
	for key, value := range about {
		chart[strings.ToUpper(key[:1])+key[1:]] = value
	}
	top := map[string]interface{}{
		"Values": merged(defaults, asked.Values),
		"Chart":  chart,
		"Release": map[string]interface{}{
			"Name": asked.Name, "Namespace": asked.Namespace, "Service": "Helm",
			"IsInstall": !asked.Upgrade, "IsUpgrade": asked.Upgrade, "Revision": 1,
		},
		"Capabilities": map[string]interface{}{"APIVersions": versions(asked.Versions)},
	}

	all := template.New("chart").Option("missingkey=zero")
	all.Funcs(functions(all, asked.Objects))
	names, err := filepath.Glob(filepath.Join(asked.Chart, "templates", "*"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if _, err := all.New(filepath.Base(name)).Parse(string(text)); err != nil {
			return nil, err
		}
	}
	rendered := map[string]string{}
	for _, name := range names {
		base := filepath.Base(name)
		if strings.HasPrefix(base, "_") {
			continue
		}
		text, err := execute(all, base, top)
		if err != nil {
			return nil, err
		}
		rendered[base] = text
	}
	return rendered, nil
}

func execute(all *template.Template, name string, data interface{}) (string, error) {
	var out bytes.Buffer
	err := all.ExecuteTemplate(&out, name, data)
	// As Helm: what has no value shows nothing.
	return strings.ReplaceAll(out.String(), "<no value>", ""), err
}

// functions are sprig's and those that Helm adds; a chart cannot read the environment.
func functions(all *template.Template, objects []map[string]interface{}) template.FuncMap {
	found := sprig.TxtFuncMap()
	delete(found, "env")
	delete(found, "expandenv")
	found["include"] = func(name string, data interface{}) (string, error) { return execute(all, name, data) }
	found["toYaml"] = func(value interface{}) (string, error) {
		text, err := yaml.Marshal(value)
		return strings.TrimSuffix(string(text), "\n"), err
	}
	found["fromJsonArray"] = func(text string) ([]interface{}, error) {
		var list []interface{}
		return list, json.Unmarshal([]byte(text), &list)
	}
	found["required"] = func(message string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return nil, errors.New(message)
		}
		return value, nil
	}
	found["lookup"] = func(version, kind, namespace, name string) map[string]interface{} {
		for _, each := range objects {
			about, _ := each["metadata"].(map[string]interface{})
			if each["apiVersion"] == version && each["kind"] == kind && about["namespace"] == namespace && about["name"] == name {
				return each
			}
		}
		return map[string]interface{}{}
	}
	return found
}

func mapFrom(path string) (map[string]interface{}, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	found := map[string]interface{}{}
	return found, yaml.Unmarshal(text, &found)
}

func merged(under, over map[string]interface{}) map[string]interface{} {
	result := map[string]interface{}{}
	for key, value := range under {
		result[key] = value
	}
	for key, value := range over {
		below, isMapBelow := result[key].(map[string]interface{})
		own, isMap := value.(map[string]interface{})
		switch {
		case value == nil:
			delete(result, key)
		case isMap && isMapBelow:
			result[key] = merged(below, own)
		default:
			result[key] = value
		}
	}
	return result
}
