// The fields that Kubernetes knows where authors write most of a Job: those of 1.36, as its OpenAPI document names them.
// A test compares them with the client library, so that a newer one tells what is to be added here.

import type { Fields } from "../kubernetes/author-fields.ts";
import { didYouMean } from "../nearest.ts";
import { below } from "../pointer.ts";
import { quoted } from "../quoted.ts";
import { type Finding, warning } from "./finding.ts";

/** Of a Job's `spec` (batch/v1 JobSpec). */
export const JOB_SPEC_FIELDS =
  "activeDeadlineSeconds backoffLimit backoffLimitPerIndex completionMode completions managedBy manualSelector maxFailedIndexes parallelism podFailurePolicy podReplacementPolicy selector successPolicy suspend template ttlSecondsAfterFinished".split(
    " ",
  );

/** Of the pod template (v1 PodTemplateSpec). */
export const POD_TEMPLATE_FIELDS = ["metadata", "spec"];

/** Of the template's `spec` (v1 PodSpec). */
export const POD_SPEC_FIELDS =
  "activeDeadlineSeconds affinity automountServiceAccountToken containers dnsConfig dnsPolicy enableServiceLinks ephemeralContainers hostAliases hostIPC hostNetwork hostPID hostUsers hostname hostnameOverride imagePullSecrets initContainers nodeName nodeSelector os overhead preemptionPolicy priority priorityClassName readinessGates resourceClaims resources restartPolicy runtimeClassName schedulerName schedulingGates schedulingGroup securityContext serviceAccount serviceAccountName setHostnameAsFQDN shareProcessNamespace subdomain terminationGracePeriodSeconds tolerations topologySpreadConstraints volumes".split(
    " ",
  );

/** Of a container and an init container (v1 Container). */
export const CONTAINER_FIELDS =
  "args command env envFrom image imagePullPolicy lifecycle livenessProbe name ports readinessProbe resizePolicy resources restartPolicy restartPolicyRules securityContext startupProbe stdin stdinOnce terminationMessagePath terminationMessagePolicy tty volumeDevices volumeMounts workingDir".split(
    " ",
  );

/** Whether a text holds a template, so that its final value is not known yet. */
export type StandsForValue = (text: string) => boolean;

/** A warning at a key that is not among the known ones. */
export function* unknownFields(fields: Fields, known: readonly string[], path: string): Generator<Finding> {
  for (const key of Object.keys(fields)) {
    if (known.includes(key)) continue;
    const remedy = didYouMean(key, known) || "; correct or remove it";
    const message = `Kubernetes knows no ${quoted(key)} here and drops or refuses it${remedy}`;
    yield { ...warning(below(path, key), message), atKey: true };
  }
}
