package ec2

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"go.yaml.in/yaml/v3"
)

// recipes are the launch-parameters of docs/launch-parameters.md, by heading.
func recipes(t *testing.T) map[string]map[string]any {
	t.Helper()
	raw, err := os.ReadFile("../docs/launch-parameters.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]map[string]any{}
	for _, section := range strings.Split(string(raw), "\n## ")[1:] {
		heading, text, _ := strings.Cut(section, "\n")
		_, block, _ := strings.Cut(text, "```yml\n")
		block, _, _ = strings.Cut(block, "```")
		var inputs map[string]any
		var parameters map[string]any
		if err := yaml.Unmarshal([]byte(block), &inputs); err != nil {
			t.Fatal(err)
		}
		text, given := inputs["launch-parameters"].(string)
		if !given {
			continue
		}
		if err := yaml.Unmarshal([]byte(text), &parameters); err != nil {
			t.Fatal(err)
		}
		found[heading] = parameters
	}
	return found
}

// TestRecipesAgainstTheSDK: the SDK's model has every parameter of the recipes and every value of an enumeration, its
// validation passes, and each value is on the wire.
func TestRecipesAgainstTheSDK(t *testing.T) {
	all := recipes(t)
	if len(all) < 10 {
		t.Fatalf("%d recipes", len(all))
	}
	for name, parameters := range all {
		raw, err := json.Marshal(parameters)
		if err != nil {
			t.Fatal(err)
		}
		var in sdk.RunInstancesInput
		if _, err := decode(string(raw), &in, strict); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, problem := range unknownValues(reflect.ValueOf(in), "") {
			t.Errorf("%s: %s", name, problem)
		}
		in.MinCount, in.MaxCount = aws.Int32(1), aws.Int32(1)
		sent := ""
		client := sdk.New(sdk.Options{
			Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
			Retryer: aws.NopRetryer{},
			HTTPClient: transport(func(r *http.Request) (*http.Response, error) {
				err := r.ParseForm()
				sent = r.PostForm.Encode()
				return nil, fmt.Errorf("not sent: %w", err)
			}),
		})
		_, err = client.RunInstances(context.Background(), &in)
		if err == nil || !strings.Contains(err.Error(), "not sent") {
			t.Errorf("%s: %v", name, err)
		}
		for _, value := range leaves(parameters) {
			if !strings.Contains(sent, "="+value) {
				t.Errorf("%s: %s is not on the wire: %s", name, value, sent)
			}
		}
	}
}

// TestRecipesTestBites: names, types and enumeration values that EC2 does not have are found.
func TestRecipesTestBites(t *testing.T) {
	for _, text := range []string{`{"Placement": {"Tenency": "host"}}`, `{"EnclaveOptions": {"Enabled": "perhaps"}}`} {
		var in sdk.RunInstancesInput
		if _, err := decode(text, &in, strict); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
	var in sdk.RunInstancesInput
	if _, err := decode(`{"InstanceMarketOptions": {"MarketType": "capacity-blok"}}`, &in, strict); err != nil {
		t.Fatal(err)
	}
	if got := unknownValues(reflect.ValueOf(in), ""); len(got) != 1 {
		t.Errorf("got %v", got)
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) Do(r *http.Request) (*http.Response, error) { return f(r) }

// unknownValues returns the values of enumerations that the SDK does not have.
func unknownValues(v reflect.Value, path string) (list []string) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			list = unknownValues(v.Elem(), path)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() {
				list = append(list, unknownValues(v.Field(i), path+"."+field.Name)...)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			list = append(list, unknownValues(v.Index(i), fmt.Sprintf("%s[%d]", path, i))...)
		}
	case reflect.String:
		values := v.MethodByName("Values")
		if !values.IsValid() || v.String() == "" || path == ".InstanceType" {
			return nil
		}
		known := values.Call(nil)[0]
		for i := range known.Len() {
			if known.Index(i).String() == v.String() {
				return nil
			}
		}
		list = append(list, fmt.Sprintf("%s: %q is no value that EC2 knows", path, v.String()))
	default:
	}
	return list
}

// leaves returns the values of a tree as they are sent.
func leaves(tree any) (list []string) {
	switch tree := tree.(type) {
	case map[string]any:
		for _, child := range tree {
			list = append(list, leaves(child)...)
		}
	case []any:
		for _, child := range tree {
			list = append(list, leaves(child)...)
		}
	default:
		list = append(list, strings.NewReplacer(":", "%3A", "/", "%2F").Replace(fmt.Sprint(tree)))
	}
	slices.Sort(list)
	return list
}
