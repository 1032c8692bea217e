<?php
// PHP SoapClient: see README.md.
[, $wsdlUrl, $secret, $file] = $argv;
$message = file_get_contents($file);
$client = new SoapClient($wsdlUrl, ['cache_wsdl' => WSDL_CACHE_NONE]);
$isRpc = strpos($client->__getFunctions()[0], 'string PushProcess(string') === 0;

function push(SoapClient $client, bool $isRpc, string $secret, string $message): string
{
    if ($isRpc) {
        return $client->PushProcess($secret, $message);
    }
    return $client->PushProcess(['ValidateData' => $secret, 'ParasXml' => $message])->PushProcessResult;
}

echo 'reply=', push($client, $isRpc, $secret, $message), "\n";
try {
    push($client, $isRpc, 'wrong', $message);
} catch (SoapFault $fault) {
    echo 'fault=', $fault->getMessage(), "\n";
}
