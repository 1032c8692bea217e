# SOAP::Lite without a WSDL, rpc/encoded and nameless parameters: see README.md.
use strict;
use warnings;
use SOAP::Lite;
binmode STDOUT, ':utf8';

my ($wsdl_url, $secret, $file) = @ARGV;
open(my $handle, '<:utf8', $file) or die $!;
my $message = do { local $/; <$handle> };
my $client = SOAP::Lite->proxy($wsdl_url =~ s/\?.*//r)->uri('http://tempuri.org/');

sub push_process {
    my ($given) = @_;
    return $client->call('PushProcess', SOAP::Data->type(string => $given), SOAP::Data->type(string => $message));
}

print 'reply=', push_process($secret)->result, "\n";
$client->on_fault(sub { print 'fault=', $_[1]->faultstring, "\n"; exit });
push_process('wrong');
