import { V1Container, V1JobSpec, V1PodSpec, V1PodTemplateSpec } from "@kubernetes/client-node";
import { expect, test } from "vitest";
import { CONTAINER_FIELDS, JOB_SPEC_FIELDS, POD_SPEC_FIELDS, POD_TEMPLATE_FIELDS } from "./k8s-fields.ts";

test("the known fields are those of the client library's version of Kubernetes", () => {
  const fieldsOf = (model: { attributeTypeMap: { baseName: string }[] }) =>
    model.attributeTypeMap.map(({ baseName }) => baseName).sort();
  expect({ JOB_SPEC_FIELDS, POD_TEMPLATE_FIELDS, POD_SPEC_FIELDS, CONTAINER_FIELDS }).toEqual({
    JOB_SPEC_FIELDS: fieldsOf(V1JobSpec),
    POD_TEMPLATE_FIELDS: fieldsOf(V1PodTemplateSpec),
    POD_SPEC_FIELDS: fieldsOf(V1PodSpec),
    CONTAINER_FIELDS: fieldsOf(V1Container),
  });
});
