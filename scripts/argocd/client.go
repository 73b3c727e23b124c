// Asks a plugin server what argocd-repo-server asks it, over the same socket and with the same code:
//
//	client SOCKET REPOSITORY APPLICATION config|discover|parameters|generate SECONDS [NAME=VALUE…]
//
// The answer is one JSON object on stdout. A refusal is {"error": "…"}, as Argo CD would show it, and
// exit code 0; anything else that goes wrong is exit code 2.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/argoproj/argo-cd/v3/cmpserver/apiclient"
	"github.com/argoproj/argo-cd/v3/util/cmp"
	"google.golang.org/protobuf/types/known/emptypb"
)

// question is what the server may be asked about an application in a repository.
type question struct {
	client      apiclient.ConfigManagementPluginServiceClient
	repository  string
	application string
	environment []string
}

func main() {
	if len(os.Args) < 6 {
		fail(fmt.Errorf("usage: client SOCKET REPOSITORY APPLICATION METHOD SECONDS [NAME=VALUE…]"))
	}
	seconds, err := strconv.Atoi(os.Args[5])
	if err != nil {
		fail(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(seconds)*time.Second)
	defer cancel()
	connection, client, err := apiclient.NewConfigManagementPluginClientSet(os.Args[1]).NewConfigManagementPluginClient()
	if err != nil {
		fail(err)
	}
	defer connection.Close()
	asked := question{client, os.Args[2], os.Args[3], os.Args[6:]}
	answer, err := asked.put(ctx, os.Args[4])
	if err != nil {
		answer = map[string]string{"error": err.Error()}
	}
	if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
		fail(err)
	}
}

// put asks for one method and gives its answer.
func (q question) put(ctx context.Context, method string) (any, error) {
	switch method {
	case "config":
		return q.client.CheckPluginConfiguration(ctx, &emptypb.Empty{})
	case "discover":
		stream, err := q.client.MatchRepository(ctx)
		if err == nil {
			err = q.send(ctx, stream)
		}
		if err != nil {
			return nil, err
		}
		return stream.CloseAndRecv()
	case "parameters":
		stream, err := q.client.GetParametersAnnouncement(ctx)
		if err == nil {
			err = q.send(ctx, stream)
		}
		if err != nil {
			return nil, err
		}
		return stream.CloseAndRecv()
	case "generate":
		stream, err := q.client.GenerateManifest(ctx)
		if err == nil {
			err = q.send(ctx, stream)
		}
		if err != nil {
			return nil, err
		}
		return stream.CloseAndRecv()
	}
	return nil, fmt.Errorf("no method %q", method)
}

// send streams the repository to the server.
func (q question) send(ctx context.Context, stream cmp.StreamSender) error {
	return cmp.SendRepoStream(ctx, q.application, q.repository, stream, q.environment, nil)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(2)
}
