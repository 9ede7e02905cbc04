package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	cri "k8s.io/cri-client/pkg"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const (
	removalTimeout       = 2 * time.Minute
	callTimeout          = 30 * time.Second
	graceSeconds   int64 = 1
)

// removeAllPods stops and removes every pod of the container runtime whose socket is the one argument. With the
// kubelet gone nobody starts them again, and the runtime itself undoes the pods' networks and mounts.
func removeAllPods() int {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: remove-all-pods unix:///path/to/containerd.sock")
		return 2
	}
	ctx, cancel := context.WithTimeout(context.Background(), removalTimeout)
	defer cancel()
	removed, err := removePodsOf(ctx, os.Args[1])
	fmt.Printf("removed %d pods\n", removed)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// removePodsOf goes on after an error, so that one stuck pod does not keep the others.
func removePodsOf(ctx context.Context, socket string) (removed int, failures error) {
	runtime, err := cri.NewRemoteRuntimeService(socket, callTimeout, nil, nil)
	if err != nil {
		return 0, fmt.Errorf("reach the container runtime: %w", err)
	}
	pods, err := runtime.ListPodSandbox(ctx, &runtimeapi.PodSandboxFilter{})
	if err != nil {
		return 0, fmt.Errorf("list pods: %w", err)
	}
	for _, pod := range pods {
		containers, err := runtime.ListContainers(ctx, &runtimeapi.ContainerFilter{PodSandboxId: pod.Id})
		failures = errors.Join(failures, err)
		for _, container := range containers {
			failures = errors.Join(failures, runtime.StopContainer(ctx, container.Id, graceSeconds))
		}
		err = errors.Join(runtime.StopPodSandbox(ctx, pod.Id), runtime.RemovePodSandbox(ctx, pod.Id))
		if err != nil {
			failures = errors.Join(failures, fmt.Errorf("pod %s: %w", pod.Metadata.GetName(), err))
			continue
		}
		removed++
	}
	return removed, failures
}
