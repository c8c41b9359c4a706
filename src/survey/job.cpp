// The Kubernetes Job that `meshdx sweep --job` prints.
#include <algorithm>

#include <fmt/core.h>

#include "survey/sweep.hpp"

namespace meshdx::survey {

namespace {

/// What a sweep reads and nothing else: lists, and istiod's own word on its proxies (istioctl proxy-status goes through a
/// port-forward to istiod).
constexpr const char* k_rights = R"(apiVersion: v1
kind: ServiceAccount
metadata:
  name: meshdx-sweep
  namespace: {0}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: meshdx-sweep
rules:
  - apiGroups: [""]
    resources: [namespaces, services, pods]
    verbs: [list]
  - apiGroups: [discovery.k8s.io]
    resources: [endpointslices]
    verbs: [list]
  - apiGroups: [apps]
    resources: [deployments, replicasets, statefulsets]
    verbs: [list]
  - apiGroups: [networking.istio.io, security.istio.io]
    resources: ["*"]
    verbs: [list]
  # istioctl looks for istiod's revisions among the injection webhooks.
  - apiGroups: [admissionregistration.k8s.io]
    resources: [mutatingwebhookconfigurations]
    verbs: [list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: meshdx-sweep
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: meshdx-sweep
subjects:
  - kind: ServiceAccount
    name: meshdx-sweep
    namespace: {0}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: meshdx-sweep
  namespace: istio-system
rules:
  - apiGroups: [""]
    resources: [configmaps]
    resourceNames: [istio]   # and istio-REVISION for each revision of the control plane
    verbs: [get]
  - apiGroups: [""]
    resources: [pods]
    verbs: [get]
  - apiGroups: [""]
    resources: [pods/portforward]
    verbs: [create]
  # proxy-status signs in at istiod with a token of this account.
  - apiGroups: [""]
    resources: [serviceaccounts/token]
    resourceNames: [default]
    verbs: [create]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: meshdx-sweep
  namespace: istio-system
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: meshdx-sweep
subjects:
  - kind: ServiceAccount
    name: meshdx-sweep
    namespace: {0}
---
)";

/// Exit codes 2 and 3 are answers, not failures to try again: without the policy a Job would repeat them.
constexpr const char* k_job = R"(apiVersion: batch/v1
kind: Job
metadata:
  name: meshdx-sweep
  namespace: {0}
spec:
  completionMode: Indexed
  completions: {1}
  parallelism: {2}
  backoffLimitPerIndex: 1
  maxFailedIndexes: {1}
  podFailurePolicy:
    rules:
      - action: FailIndex
        onExitCodes:
          containerName: meshdx
          operator: In
          values: [2, 3, 64, 65]
  template:
    metadata:
      labels:
        sidecar.istio.io/inject: "false"
    spec:
      serviceAccountName: meshdx-sweep
      restartPolicy: Never
      containers:
        - name: meshdx
          image: {3}
          # Which share: the pod's JOB_COMPLETION_INDEX.
          command: [meshdx, sweep, -A, --shard, "{1}", -o, json]
          resources:
            requests:
              cpu: 100m
              memory: 128Mi
            limits:
              memory: 512Mi
          securityContext:
            allowPrivilegeEscalation: false
            runAsNonRoot: true
            runAsUser: 65532
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
          env:
            - name: HOME
              value: /tmp
          volumeMounts:
            - name: tmp
              mountPath: /tmp
      volumes:
        - name: tmp
          emptyDir: {{}}
)";

constexpr std::size_t k_at_once = 10;

}  // namespace

std::string job_manifest(const std::string& image, std::size_t shards, const std::string& ns) {
  return fmt::format(k_rights, ns) + fmt::format(k_job, ns, shards, std::min(shards, k_at_once), image);
}

}  // namespace meshdx::survey
