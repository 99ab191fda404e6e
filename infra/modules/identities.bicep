// One identity for each part that acts, made first: so their roles have time to spread while the rest is deployed.

param location string
param tags object
param names object

resource web 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${names.identity}-web'
  location: location
  tags: tags
}

resource function 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${names.identity}-function'
  location: location
  tags: tags
}

resource project 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${names.identity}-project'
  location: location
  tags: tags
}

output webId string = web.id
output webPrincipalId string = web.properties.principalId
output webClientId string = web.properties.clientId
output functionId string = function.id
output functionPrincipalId string = function.properties.principalId
output functionClientId string = function.properties.clientId
output projectId string = project.id
output projectPrincipalId string = project.properties.principalId
