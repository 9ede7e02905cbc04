// Command kubeall is the whole of Kubernetes in one static binary: etcd, the control plane, the node's agents and
// kubectl. The name it is called by picks the program (a link named kubectl is kubectl); called as kubeall, its
// first argument does. Every program is upstream's own, unchanged, with upstream's flags.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // kubectl's credential plugins
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// exitCode runs a server's command, with upstream's logging set up, and answers its exit status.
func exitCode(command *cobra.Command) func() int {
	return func() int { return cli.Run(command) }
}

// program answers the main function of the named program, or nil. Commands are made only for the one that runs:
// making them registers flags and metrics globally.
func program(name string) func() int {
	switch name {
	case "etcd":
		return func() int { etcdmain.Main(os.Args); return 0 }
	case "kube-apiserver":
		return exitCode(apiserver.NewAPIServerCommand())
	case "kube-controller-manager":
		return exitCode(controllermanager.NewControllerManagerCommand())
	case "kube-scheduler":
		return exitCode(scheduler.NewSchedulerCommand())
	case "kubelet":
		return exitCode(kubelet.NewKubeletCommand(context.Background()))
	case "kube-proxy":
		return exitCode(proxy.NewProxyCommand())
	case "kubectl":
		return func() int {
			if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
				kubectlutil.CheckErr(err) // prints as kubectl does, and exits
			}
			return 0
		}
	case "remove-all-pods":
		return removeAllPods
	}
	return nil
}

func main() {
	name := filepath.Base(os.Args[0])
	if !slices.Contains(programs, name) && len(os.Args) > 1 {
		os.Args = os.Args[1:]
		name = os.Args[0]
	}
	if !slices.Contains(programs, name) {
		fmt.Fprintf(os.Stderr, "usage: kubeall PROGRAM [flags]\nprograms: %s\n", strings.Join(programs, " "))
		os.Exit(2)
	}
	os.Exit(program(name)())
}

var programs = []string{
	"etcd", "kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl", "kubelet", "remove-all-pods",
}
