// Which resource is reached by which private addresses. The queue of the tools is among them: a trigger needs it.

param location string
param tags object
param subnetId string

@description('From network.bicep: the zones by what they are for.')
param zoneNames object

param toolStorageId string
param agentStorageId string
param cosmosId string
param searchId string
param foundryId string
param vaultId string
param registryId string

var wanted = [
  { name: 'tool-blob', target: toolStorageId, part: 'blob', zones: [zoneNames.blob] }
  { name: 'tool-queue', target: toolStorageId, part: 'queue', zones: [zoneNames.queue] }
  { name: 'agent-blob', target: agentStorageId, part: 'blob', zones: [zoneNames.blob] }
  { name: 'cosmos', target: cosmosId, part: 'Sql', zones: [zoneNames.cosmos] }
  { name: 'search', target: searchId, part: 'searchService', zones: [zoneNames.search] }
  { name: 'foundry', target: foundryId, part: 'account', zones: [zoneNames.foundry, zoneNames.openai, zoneNames.cognitive] }
  { name: 'vault', target: vaultId, part: 'vault', zones: [zoneNames.vault] }
  { name: 'registry', target: registryId, part: 'registry', zones: [zoneNames.registry] }
]

module endpoints 'private-endpoint.bicep' = [for one in wanted: {
  name: 'pe-${one.name}'
  params: {
    location: location
    tags: tags
    name: 'pe-${one.name}'
    subnetId: subnetId
    targetId: one.target
    groupId: one.part
    zones: one.zones
  }
}]
