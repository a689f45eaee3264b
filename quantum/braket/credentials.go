package braket

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
)

// CredentialOptions say where AWS credentials are looked for.
type CredentialOptions struct {
	// HTTP is the client from internal/outbound for the purpose circuits, which every request for temporary credentials goes
	// through; their hosts (such as sts.us-east-1.amazonaws.com) must be allowed destinations. Required.
	HTTP *http.Client

	// Region is where temporary credentials are asked for. Required.
	Region string

	// Profile names a profile of the shared configuration files; "" means the environment's, else the default one.
	Profile string

	// InstanceRole also asks the metadata service of an EC2 instance, 169.254.169.254.
	InstanceRole bool
}

// Credentials makes the usual chain of the AWS SDK: environment, shared files, single sign-on, assumed roles, web
// identity, container, and the instance's role if wished. It opens no connection by itself and keeps what it found until
// it expires. A profile that runs a program (credential_process) is refused: that program could reach any host.
// Certificate authorities are HTTP's: with AWS_CA_BUNDLE set, or ca_bundle in the profile, the SDK refuses a client that is not its own, so whoever
// calls reads the bundle into outbound.Options.Roots and hides the variable.
func Credentials(ctx context.Context, o CredentialOptions) (aws.CredentialsProvider, error) {
	if o.HTTP == nil || o.Region == "" {
		return nil, errors.New("AWS credentials: an HTTP client and a region are needed")
	}
	metadata := imds.ClientDisabled
	if o.InstanceRole {
		metadata = imds.ClientEnabled
	}
	loaded, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(o.HTTP), config.WithRegion(o.Region),
		config.WithEC2IMDSClientEnableState(metadata), config.WithSharedConfigProfile(o.Profile),
		config.WithRetryMaxAttempts(2), // a refusal of this host's own is repeated as well, with a pause
		// The provider for containers takes no client from the configuration; without this line it dials by itself.
		config.WithEndpointCredentialOptions(func(e *endpointcreds.Options) { e.HTTPClient = o.HTTP }))
	if err != nil && strings.Contains(err.Error(), "custom RootCAs") { // the SDK's words; it has no error of its own for it
		return nil, fmt.Errorf("AWS credentials: AWS_CA_BUNDLE in the environment, or ca_bundle of the profile, names certificate authorities of its own, and connections from here have others: take it away, and start again: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("AWS credentials: reading the configuration: %w", err)
	}
	for _, source := range loaded.ConfigSources {
		if shared, ok := source.(config.SharedConfig); ok && runsProgram(&shared) {
			return nil, fmt.Errorf("AWS credentials: profile %q runs a program (credential_process), which could reach any host unseen: "+
				"use a role, single sign-on or keys instead", shared.Profile)
		}
	}
	return loaded.Credentials, nil
}

// runsProgram looks through the chain of source profiles.
func runsProgram(c *config.SharedConfig) bool {
	return c != nil && (c.CredentialProcess != "" || runsProgram(c.Source))
}
