// Drives an API at argv[1] with godo as its users do, and prints what it saw as JSON.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/digitalocean/godo"
)

type seen struct {
	Regions   int
	Key       string
	First     string
	Together  []string
	Status    string
	Addresses []string
	ByTag     []int
	Pages     int
	Snapshot  string
	Tagged    []string
	Transfer  []string
	Firewall  string
	Members   int
	Project   string
	WaysIn    []string
	Errors    map[string]string
	Left      int
	Rate      int
}

func must[T any](value T, _ *godo.Response, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client := godo.NewFromToken(os.Getenv("DIGITALOCEAN_TOKEN"))
	check(godo.SetBaseURL(os.Args[1])(client))
	out := seen{Errors: map[string]string{}}

	regions, response, err := client.Regions.List(ctx, &godo.ListOptions{PerPage: 200})
	check(err)
	out.Regions, out.Rate = len(regions), response.Rate.Limit

	key := must(client.Keys.Create(ctx, &godo.KeyCreateRequest{Name: "godo", PublicKey: os.Args[2]}))
	out.Key = key.Fingerprint
	vpc := must(client.VPCs.Create(ctx, &godo.VPCCreateRequest{Name: "godo", RegionSlug: "fra1", IPRange: "10.100.0.0/20"}))
	first := must(client.Droplets.Create(ctx, &godo.DropletCreateRequest{
		Name: "godo-1", Region: "fra1", Size: "s-1vcpu-1gb", Image: godo.DropletCreateImage{Slug: "debian-12-x64"},
		SSHKeys: []godo.DropletCreateSSHKey{{ID: key.ID}}, Tags: []string{"godo"}, VPCUUID: vpc.ID, UserData: "#cloud-config\n",
	}))
	out.First = first.Name
	together := must(client.Droplets.CreateMultiple(ctx, &godo.DropletMultiCreateRequest{
		Names: []string{"godo-2", "godo-3"}, Region: "fra1", Size: "s-1vcpu-1gb",
		Image: godo.DropletCreateImage{Slug: "debian-12-x64"}, Tags: []string{"godo"}, VPCUUID: vpc.ID,
	}))
	for _, droplet := range together {
		out.Together = append(out.Together, droplet.Name)
	}
	active := wait(ctx, client, first.ID)
	out.Status = active.Status
	public, _ := active.PublicIPv4()
	private, _ := active.PrivateIPv4()
	out.Addresses = []string{public, private}
	for page := 1; ; page++ {
		droplets, response, err := client.Droplets.ListByTag(ctx, "godo", &godo.ListOptions{Page: page, PerPage: 2})
		check(err)
		for _, droplet := range droplets {
			out.ByTag = append(out.ByTag, droplet.ID)
		}
		out.Pages++
		if response.Links == nil || response.Links.IsLastPage() {
			break
		}
	}
	image := snapshot(ctx, client, first.ID)
	out.Snapshot = image.Name
	resources := []godo.Resource{{ID: fmt.Sprint(image.ID), Type: godo.ImageResourceType}}
	_, err = client.Tags.TagResources(ctx, "baked", &godo.TagResourcesRequest{Resources: resources})
	out.Errors["tag"] = text(err)
	must(client.Tags.Create(ctx, &godo.TagCreateRequest{Name: "baked"}))
	_, err = client.Tags.TagResources(ctx, "baked", &godo.TagResourcesRequest{Resources: resources})
	check(err)
	for _, found := range must(client.Images.ListByTag(ctx, "baked", nil)) {
		out.Tagged = append(out.Tagged, found.Name)
	}
	transfer := must(client.ImageActions.Transfer(ctx, image.ID, &godo.ActionRequest{"type": "transfer", "region": "nyc3"}))
	finish(ctx, client, transfer.ID)
	out.Transfer = must(client.Images.GetByID(ctx, image.ID)).Regions

	firewall := must(client.Firewalls.Create(ctx, &godo.FirewallRequest{
		Name: "godo", Tags: []string{"godo"}, InboundRules: []godo.InboundRule{
			{Protocol: "tcp", PortRange: "22", Sources: &godo.Sources{Addresses: []string{"0.0.0.0/0"}}},
		},
	}))
	out.Firewall = firewall.Name
	out.Members = len(must(client.VPCs.ListMembers(ctx, vpc.ID, nil, nil)))
	out.Project = must(client.Projects.GetDefault(ctx)).Name
	waysIn(ctx, client, vpc.ID, first.ID, &out)
	must(client.Storage.ListVolumes(ctx, nil))
	must(client.Balance.Get(ctx))
	must(client.Account.Get(ctx))

	_, _, err = client.Droplets.Get(ctx, 12)
	out.Errors["droplet"] = text(err)
	_, _, err = client.Keys.Create(ctx, &godo.KeyCreateRequest{Name: "again", PublicKey: os.Args[2]})
	out.Errors["key"] = text(err)
	_, err = client.Droplets.DeleteByTag(ctx, "godo")
	check(err)
	_, err = client.Firewalls.Delete(ctx, firewall.ID)
	check(err)
	_, err = client.Keys.DeleteByFingerprint(ctx, key.Fingerprint)
	check(err)
	out.Left = len(must(client.Droplets.List(ctx, nil)))
	check(json.NewEncoder(os.Stdout).Encode(out))
}

// waysIn makes a load balancer, a reserved IP, a certificate and a DNS record, and deletes them again.
func waysIn(ctx context.Context, client *godo.Client, vpc string, droplet int, out *seen) {
	must(client.Domains.Create(ctx, &godo.DomainCreateRequest{Name: "example.com"}))
	record := must(client.Domains.CreateRecord(ctx, "example.com", &godo.DomainRecordEditRequest{
		Type: "A", Name: "www", Data: "192.0.2.7", TTL: 60,
	}))
	certificate := must(client.Certificates.Create(ctx, &godo.CertificateRequest{
		Name: "godo", Type: "lets_encrypt", DNSNames: []string{"www.example.com"},
	}))
	request := &godo.LoadBalancerRequest{
		Name: "godo", Region: "fra1", Tag: "godo", VPCUUID: vpc, EnableProxyProtocol: true,
		ForwardingRules: []godo.ForwardingRule{
			{EntryProtocol: "http", EntryPort: 80, TargetProtocol: "http", TargetPort: 8080},
			{EntryProtocol: "https", EntryPort: 443, TargetProtocol: "http", TargetPort: 8080, CertificateID: certificate.ID},
		},
		HealthCheck: &godo.HealthCheck{Protocol: "tcp", Port: 8080, CheckIntervalSeconds: 3, ResponseTimeoutSeconds: 3},
	}
	balancer := must(client.LoadBalancers.Create(ctx, request))
	for balancer.Status != "active" {
		time.Sleep(20 * time.Millisecond)
		balancer = must(client.LoadBalancers.Get(ctx, balancer.ID))
	}
	request.Name = "renamed"
	updated := must(client.LoadBalancers.Update(ctx, balancer.ID, request))
	reserved := must(client.ReservedIPs.Create(ctx, &godo.ReservedIPCreateRequest{DropletID: droplet}))
	for must(client.ReservedIPs.Get(ctx, reserved.IP)).Droplet == nil {
		time.Sleep(20 * time.Millisecond)
	}
	action := must(client.ReservedIPActions.Unassign(ctx, reserved.IP))
	finish(ctx, client, action.ID)
	out.WaysIn = []string{updated.Name, updated.Status, fmt.Sprint(len(updated.DropletIDs)), certificate.Type, record.Data}
	for _, err := range []error{
		second(client.LoadBalancers.Delete(ctx, balancer.ID)),
		second(client.ReservedIPs.Delete(ctx, reserved.IP)),
		second(client.Certificates.Delete(ctx, certificate.ID)),
		second(client.Domains.DeleteRecord(ctx, "example.com", record.ID)),
		second(client.Domains.Delete(ctx, "example.com")),
	} {
		check(err)
	}
}

func second(_ *godo.Response, err error) error {
	return err
}

func wait(ctx context.Context, client *godo.Client, id int) *godo.Droplet {
	for {
		droplet := must(client.Droplets.Get(ctx, id))
		if droplet.Status == "active" {
			return droplet
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func snapshot(ctx context.Context, client *godo.Client, id int) godo.Image {
	action := must(client.DropletActions.Snapshot(ctx, id, "godo-image"))
	finish(ctx, client, action.ID)
	return must(client.Droplets.Snapshots(ctx, id, nil))[0]
}

func finish(ctx context.Context, client *godo.Client, id int) {
	for {
		action := must(client.Actions.Get(ctx, id))
		if action.Status == godo.ActionCompleted {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// text gives the status and the message of a refusal, as godo read them.
func text(err error) string {
	if refused, ok := err.(*godo.ErrorResponse); ok {
		return fmt.Sprintf("%d %s", refused.Response.StatusCode, refused.Message)
	}
	return http.StatusText(http.StatusOK)
}
