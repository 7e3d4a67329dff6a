<?php
// Roundcube's own password driver (plugins/password/drivers/cpanel.php), with as
// much of Roundcube around it as it asks for.
const PASSWORD_SUCCESS = 0, PASSWORD_ERROR = 2, PASSWORD_CONNECT_ERROR = 3;

class rcube
{
    public static function raise_error($text)
    {
        echo "raised: $text\n";
    }
}

class rcmail
{
    public $config;

    public static function get_instance()
    {
        $it = new self();
        $it->config = new class {
            public function get($key, $default)
            {
                return $key === 'password_cpanel_port' ? getenv('WEBMAIL_PORT') : $default;
            }
        };
        return $it;
    }
}

class password
{
    public static function username($format = '%u')
    {
        return $format === '%l' ? 'kept' : 'kept@' . getenv('DOMAIN');
    }
}

require getenv('ROUNDCUBE_DRIVER');
$_SESSION['storage_host'] = getenv('HOST');
$driver = new rcube_cpanel_password();
echo json_encode($driver->save('First+word 1', getenv('SECRET'))), "\n";
echo json_encode($driver->save('First+word 1', 'Third+word 3')), "\n";
echo json_encode($driver->save(getenv('SECRET'), ''), JSON_UNESCAPED_UNICODE), "\n";
